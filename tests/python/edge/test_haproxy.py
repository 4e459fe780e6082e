"""HAProxy in front, by the PROXY protocol, by HTTP/2 and by TLS."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from command.running import PATIENCE
from command.running import get as get_plain

from .talking import https_port

if TYPE_CHECKING:
    from pathlib import Path

    from .certificates import Authority, Pair
    from .conftest import Starter

CONFIGURATION = """\
defaults
    mode http
    timeout connect 10s
    timeout client 30s
    timeout server 30s
frontend front
    bind fd@{descriptor}
    default_backend back
backend back
    server narthex 127.0.0.1:{port} {options}
"""


class HAProxy:
    """A running HAProxy that passes everything on to `port`."""

    def __init__(self, directory: Path, port: int, options: str) -> None:
        program = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program, "haproxy is not installed"
        listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = listener.getsockname()[1]
        configuration = directory / "haproxy.cfg"
        configuration.write_text(
            CONFIGURATION.format(
                descriptor=listener.fileno(), port=port, options=options
            )
        )
        with listener:
            # It listens already: who connects waits until it accepts.
            self._process = subprocess.Popen(
                [program, "-db", "-q", "-f", str(configuration)],
                pass_fds=[listener.fileno()],
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )

    def close(self) -> str:
        """Ends it; returns what it said."""
        self._process.send_signal(signal.SIGKILL)
        assert self._process.stderr is not None
        with self._process.stderr as stderr:
            said = stderr.read().decode()
        self._process.wait(PATIENCE)
        return said


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
    proxy = HAProxy(tmp_path, port, options)
    try:
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
    finally:
        said = proxy.close()
    assert "ALERT" not in said, said
