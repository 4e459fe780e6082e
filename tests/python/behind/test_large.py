"""Bodies far larger than any buffer, through nginx: passed on, never gathered."""

from __future__ import annotations

import re
import threading
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from behind import site
from support.backends import BACKENDS
from support.messages import Request
from support.server import SocketServer

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1 << 20
SIZES = [
    pytest.param(64 * MIB, id="64MiB"),
    pytest.param(1024 * MIB, id="1GiB", marks=pytest.mark.full),
]
GROWTH = 4 * MIB


@pytest.fixture
def server() -> SocketServer:
    """The application behind nginx, after a first body in each direction."""
    backend = next(each for each in BACKENDS if each.name == "nginx-fastcgi")
    server = backend.serve(Path(site.__file__), options=("--limit-body", "none"))
    assert isinstance(server, SocketServer)
    download(server, 8 * MIB)
    upload(server, 8 * MIB)
    return server


class Growth:
    """By how much the resident memory of a process grows while something is done."""

    def __init__(self, process: int | None) -> None:
        """Begins with what it has now."""
        self._status = Path(f"/proc/{process}/status")
        self._before = self._resident()
        self.most = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _resident(self) -> int:
        found = re.search(r"VmRSS:\s+([0-9]+) kB", self._status.read_text())
        assert found
        return int(found[1]) * 1024

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            self.most = max(self.most, self._resident() - self._before)

    def __enter__(self) -> Growth:
        """Begins to watch."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Watches no longer."""
        self._over.set()
        self._thread.join()
        self.most = max(self.most, self._resident() - self._before)


def download(server: SocketServer, size: int) -> None:
    """Receives `size` bytes, all of them the right ones."""
    expected = zlib.crc32(site.PIECE)
    with server.connect() as connection:
        connection.send(Request(target=f"/?{size}", version="HTTP/1.0"))
        assert connection.receive_head()[0] == 200
        rest, received = b"", 0
        while data := connection.receive_some():
            rest += data
            received += len(data)
            while len(rest) >= len(site.PIECE):
                piece, rest = rest[: len(site.PIECE)], rest[len(site.PIECE) :]
                assert zlib.crc32(piece) == expected
        assert (received, rest) == (size, b"")


def upload(server: SocketServer, size: int) -> None:
    """Sends `size` bytes; the application has all of them."""
    check = 0

    def pieces() -> Iterator[bytes]:
        nonlocal check
        for _ in range(size // len(site.PIECE)):
            check = zlib.crc32(site.PIECE, check)
            yield site.PIECE

    response = server.request(Request("POST", "/", (), pieces(), size))
    assert response.text == f"{size} {check}"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("way", [download, upload])
def test_memory_does_not_grow(server: SocketServer, way: object, size: int) -> None:
    """While a body passes, the gateway holds a few pieces of it."""
    assert callable(way)
    with Growth(server.pid) as growth:
        way(server, size)
    assert growth.most < GROWTH
