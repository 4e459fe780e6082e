"""Where the application is, whatever its web server says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .running import run

if TYPE_CHECKING:
    from pathlib import Path

APP = """\
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    names = ("SCRIPT_NAME", "PATH_INFO", "REQUEST_URI")
    return [" ".join(repr(environ[name]) for name in names).encode()]
"""

# Nothing but the script's own folder is in the URL; nothing of it at all.
HIDDEN = {"SCRIPT_FILENAME": "/srv/www/shop/app.cgi", "REQUEST_URI": "/shop/a%2Fb"}
REWRITTEN = {"REQUEST_URI": "/pretty/a%2Fb"}


@pytest.mark.parametrize(
    ("options", "variables", "expected"),
    [
        ([], {}, "'/shop/app.cgi' '/a/b'"),
        ([], HIDDEN, "'/shop' '/a/b'"),
        (["--script-name", "/"], HIDDEN, "'' '/shop/a/b'"),
        ([], REWRITTEN, "'/shop/app.cgi' '/a/b'"),
        (["--script-name=/pretty/"], REWRITTEN, "'/pretty' '/a/b'"),
        (["--mount=/pretty"], REWRITTEN, "'/pretty' '/a/b'"),
    ],
)
def test_a_forced_mount(
    project: Path, options: list[str], variables: dict[str, str], expected: str
) -> None:
    (project / "app.py").write_text(APP)
    env = {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "/shop/app.cgi",
        "PATH_INFO": "/a/b",
        "REQUEST_URI": "/shop/app.cgi/a%2Fb",
        **variables,
    }
    ended = run("cgi", *options, "app", cwd=project, env=env)
    body = ended.stdout.partition(b"\r\n\r\n")[2].decode()
    assert body == f"{expected} '{env['REQUEST_URI']}'", ended.stderr
