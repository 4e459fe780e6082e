"""HAProxy in front, by the PROXY protocol, by HTTP/2 and by TLS."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING

import pytest

from command.running import PATIENCE
from command.running import get as get_plain
from support.fronts.haproxy import HAProxy

from .talking import https_port

if TYPE_CHECKING:
    from pathlib import Path

    from .certificates import Authority, Pair
    from .conftest import Starter


@pytest.mark.parametrize(
    "options",
    ["send-proxy", "send-proxy-v2", "send-proxy-v2 proto h2", "tls send-proxy-v2"],
)
def test_the_application_sees_the_client(
    start: Starter, authority: Authority, pair: Pair, tmp_path: Path, options: str
) -> None:
    trusted = ("--proxy-protocol", "--trust-proxy", "127.0.0.1")
    if options.startswith("tls "):
        port = https_port(start(*pair.options, *trusted))
        ca = f"ssl ca-file {authority.certificate} sni str(localhost) alpn h2,http/1.1"
        options = options.replace("tls", ca)
        scheme = "https"
    else:
        port = start(*trusted).wait_for_port()
        scheme = "http"
    back = f"backend back\n    server narthex 127.0.0.1:{port} {options}\n"
    with HAProxy(tmp_path, back) as proxy:
        connection = http.client.HTTPConnection(
            "127.0.0.1", proxy.port, timeout=PATIENCE
        )
        connection.connect()
        own = connection.sock.getsockname()
        connection.request("GET", "/environment")
        response = connection.getresponse()
        assert response.status == 200
        environ = json.loads(response.read())
        connection.close()
        assert environ["REMOTE_ADDR"] == own[0]
        assert environ["REMOTE_PORT"] == str(own[1])
        assert environ["SERVER_PORT"] == str(proxy.port)
        assert environ["wsgi.url_scheme"] == scheme
        if "h2" in options:
            assert environ["SERVER_PROTOCOL"] == "HTTP/2"
        for _ in range(5):
            assert get_plain(proxy.port).body == b"hello"
    said = proxy.log.since()
    assert not any("ALERT" in line for line in said), said
