"""HTTP/2 by hand: frames that no library would send."""

from __future__ import annotations

import socket
import struct
import time
from select import select
from typing import TYPE_CHECKING, NamedTuple

from command.running import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS = range(5)
PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(6, 10)

ACK = END_STREAM = 1
END_HEADERS = 4

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
ENHANCE_YOUR_CALM = 11


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    """A frame (RFC 9113, 4.1)."""
    return (
        struct.pack(">I", len(payload))[1:]
        + struct.pack(">BBI", kind, flags, stream)
        + payload
    )


def field(name: str, value: str) -> bytes:
    """A field that is neither compressed nor remembered (RFC 7541, 6.2.2)."""
    literal = b"\0"
    for text in (name.encode(), value.encode()):
        assert len(text) < 127
        literal += bytes([len(text)]) + text
    return literal


def request(path: str = "/", method: str = "GET", more: bytes = b"") -> bytes:
    """The field block of a request."""
    pseudo = {
        ":method": method,
        ":scheme": "http",
        ":path": path,
        ":authority": "localhost",
    }
    return b"".join(field(*pair) for pair in pseudo.items()) + more


def get(stream: int, path: str = "/") -> bytes:
    """A whole request."""
    return frame(HEADERS, END_STREAM | END_HEADERS, stream, request(path))


class Frame(NamedTuple):
    """A frame that was received."""

    kind: int
    flags: int
    stream: int
    payload: bytes


class Client:
    """A connection by prior knowledge; SETTINGS are acknowledged by the test."""

    def __init__(
        self, port: int, settings: dict[int, int] | None = None, room: int = 0
    ) -> None:
        self.socket = socket.socket()
        if room:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", port))
        values = b"".join(
            struct.pack(">HI", key, value) for key, value in (settings or {}).items()
        )
        self.send(PREFACE + frame(SETTINGS, payload=values))
        self.send(frame(SETTINGS, ACK))
        self._received = b""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def frames(self) -> Iterator[Frame]:
        """What the server sends, up to the end of the connection."""
        while True:
            while len(self._received) < 9:
                if not self._more():
                    return
            length = int.from_bytes(self._received[:3], "big")
            while len(self._received) < 9 + length:
                if not self._more():
                    return
            kind, flags, stream = struct.unpack(">BBI", self._received[3:9])
            payload = self._received[9 : 9 + length]
            self._received = self._received[9 + length :]
            yield Frame(kind, flags, stream, payload)

    def _more(self) -> bool:
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            return False
        self._received += data
        return bool(data)

    def wait_for(self, kind: int) -> Frame:
        """The next frame of this kind."""
        for received in self.frames():
            if received.kind == kind:
                return received
        raise AssertionError(f"no frame {kind} before the end of the connection")

    def flood(self, data: bytes) -> int | None:
        """Sends `data`, as fast as it goes; the error that the server ends it with.

        0: the server closed the connection, and what it said was lost with what it had
        not read. `None`: it went on.
        """
        self.socket.setblocking(False)
        view = memoryview(data)
        deadline = time.monotonic() + PATIENCE
        quiet = deadline
        ended = False
        while not ended and time.monotonic() < min(deadline, quiet):
            waits: list[list[socket.socket]] = [[self.socket], [self.socket]]
            readable, writable, _ = select(waits[0], waits[1] if view else [], [], 0.1)
            try:
                if writable:
                    view = view[self.socket.send(view) :]
                if readable:
                    piece = self.socket.recv(1 << 20)
                    self._received += piece
                    ended = not piece
            except ConnectionError:
                ended = True
            if not view:
                quiet = min(quiet, time.monotonic() + 2)
        for one in self._kept():
            if one.kind == GOAWAY:
                return int.from_bytes(one.payload[4:8], "big")
        return 0 if ended else None

    def _kept(self) -> Iterator[Frame]:
        while len(self._received) >= 9:
            length = int.from_bytes(self._received[:3], "big")
            if len(self._received) < 9 + length:
                return
            kind, flags, stream = struct.unpack(">BBI", self._received[3:9])
            yield Frame(kind, flags, stream, self._received[9 : 9 + length])
            self._received = self._received[9 + length :]
