"""A response that fails after the client has seen its beginning is seen to be cut."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from behind import site
from support.messages import Request
from support.server import SocketServer

if TYPE_CHECKING:
    from support.backends import Backend

pytestmark = pytest.mark.api("wsgi")


@pytest.mark.excused(lacks="truncation")
@pytest.mark.excused(fact="no_http_connection")
@pytest.mark.parametrize(
    "length",
    [
        pytest.param(
            "", id="chunked", marks=pytest.mark.excused(fact="shows_a_cut_by_length")
        ),
        pytest.param("&length", id="length"),
    ],
)
def test_a_cut_is_seen(backend: Backend, tmp_path: Path, length: str) -> None:
    """The front has passed the beginning on: it cannot make a whole of it any more."""
    server = backend.serve(Path(site.__file__))
    assert isinstance(server, SocketServer)
    piece = secrets.token_hex(8).encode()
    target = f"/fail?{tmp_path}&{piece.decode()}{length}"
    with server.connect() as connection:
        connection.send(Request(target=target, headers=(("Connection", "close"),)))
        status, _, _ = connection.receive_head()
        assert status == 200
        received = b""
        while piece not in received:
            data = connection.receive_some()
            assert data
            received += data
        (tmp_path / "go").touch()
        while data := connection.receive_some():
            received += data
    assert not received.endswith(b"0\r\n\r\n")
    assert len(received) < 1000
