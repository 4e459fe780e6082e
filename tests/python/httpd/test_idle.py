"""With the module loaded and idle, httpd is as it is without it."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

import pytest

from httpd.site import MODULES, Site
from support.fronts.httpd import ours

if TYPE_CHECKING:
    from collections.abc import Sequence

_LINES = """\
DocumentRoot ${HERE}
Options +Indexes
ServerSignature On
<Directory ${HERE}>
    Require all granted
    AllowOverride All
</Directory>
<Location /server-info>
    SetHandler server-status
</Location>
RewriteEngine On
RewriteRule ^/old$ /one.txt [R=301]
ErrorDocument 404 "not there"
"""
_HEADS = [
    "GET /",
    "GET /one.txt",
    "HEAD /one.txt",
    "GET /none",
    "GET /old",
    "GET /one.txt/more",
    "GET /a%2Fb",
    "GET /../x",
    "GET /script.py",
    "OPTIONS *",
    "OPTIONS /",
    "TRACE /",
    "FROBNICATE /one.txt",
]
_REQUESTS = [
    *(f"{head} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" for head in _HEADS),
    "GET /one.txt HTTP/1.0\r\n\r\n",
    "GET /one.txt HTTP/1.0\r\nRange: bytes=1-2\r\n\r\n",
    "POST /one.txt HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc",
    "GET /one.txt HTTP/1.1\r\nConnection: close\r\n\r\n",
    "nonsense\r\n\r\n",
]


def answers(module: Sequence[str], mpm: str, lines: str = "") -> list[bytes]:
    """What is answered, byte for byte but for times and the port."""
    usual = [name for name in MODULES if name != "narthex"]
    modules = ("rewrite", "autoindex", "status", *module)
    with Site(lines + _LINES, usual=usual, modules=modules, mpm=mpm) as site:
        (site.here / "one.txt").write_text("one\n")
        (site.here / "script.py").write_text("def app(t): return 'called'\n")
        found = [ask(site.httpd.port, request) for request in _REQUESTS]
        port = b"%d" % site.httpd.port
        assert site.processes() == []
    return [unlike(answer).replace(port, b"PORT") for answer in found]


def ask(port: int, request: str) -> bytes:
    """Everything that comes back until the end of the connection."""
    with socket.create_connection(("127.0.0.1", port), 20) as client:
        client.sendall(request.encode())
        return b"".join(iter(lambda: client.recv(65536), b""))


def unlike(answer: bytes) -> bytes:
    """Takes out what differs from one moment to the next."""
    # Their order is that of a table whose seed is drawn anew.
    answer = re.sub(rb"(?m)^Allow: (.*)\r\n", _in_order, answer)
    answer = re.sub(rb"(?m)^(Date|Last-Modified|ETag):.*\r\n", b"", answer)
    return re.sub(rb"\d\d\d\d-\d\d-\d\d \d\d:\d\d", b"TIME", answer)


def _in_order(methods: re.Match[bytes]) -> bytes:
    return b",".join(sorted(methods[1].split(b",")))


@pytest.mark.parametrize("mpm", ["event", "prefork"])
def test_httpd_answers_as_without_it(mpm: str) -> None:
    assert answers(("narthex",), mpm) == answers((), mpm)


def test_a_group_that_nobody_uses_changes_nothing() -> None:
    lines = "NarthexPython ${PYTHON}\nNarthexGroup shop processes=2\n"
    assert answers(("narthex",), "event", lines) == answers((), "event")


def test_it_may_be_loaded_twice() -> None:
    lines = f"""\
LoadModule narthex_module "{ours()}"
NarthexPython ${{PYTHON}}
NarthexApp ${{HERE}}/place.py:app
"""
    with Site(lines) as site:
        assert site.log.count("module narthex_module is already loaded")
        assert site.ask("/a").text == "place= path=/a"
