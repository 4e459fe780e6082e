"""A small strict HTTP/1 client: it accepts what RFC 9112 allows and nothing else."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
from types import TracebackType

from support.messages import (
    ProtocolError,
    Request,
    Response,
    declared_length,
    parse_field,
)

DEADLINE = 15.0
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2}) ([\t \x21-\x7e\x80-\xff]*)")
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]+")


class ClosedError(Exception):
    """The server closed the connection where a response was due."""


class _Truncated(Exception):
    """The connection ended inside a message."""


class Connection:
    """One connection to a server; a context manager."""

    def __init__(self, address: tuple[str, int], deadline: float = DEADLINE) -> None:
        """Connects to `address`; no single wait takes more than `deadline` seconds."""
        self.host = f"{address[0]}:{address[1]}"
        self.socket = socket.create_connection(address, timeout=deadline)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self._closing = False

    def __enter__(self) -> Connection:
        """Returns itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes the connection."""
        self.close()

    def close(self) -> None:
        """Closes the connection."""
        self.socket.close()

    def reset(self) -> None:
        """Closes the connection with a reset, as a client that vanishes does."""
        linger = struct.pack("ii", 1, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.socket.close()

    def half_close(self) -> None:
        """Says that nothing more will be sent."""
        self.socket.shutdown(socket.SHUT_WR)

    def send_raw(self, data: bytes) -> None:
        """Sends bytes as they are."""
        self.socket.sendall(data)

    def send(self, request: Request) -> None:
        """Sends a request; pieces of its body go out as they are made."""
        lines = [f"{request.method} {request.target} {request.version}"]
        lines += [f"{name}: {value}" for name, value in request.fields(self.host)]
        head = "\r\n".join(lines) + "\r\n\r\n"
        pending = head.encode("latin-1")
        if isinstance(request.body, bytes) and not request.chunked:
            self.socket.sendall(pending + request.body)
            return
        self.socket.sendall(pending)
        for piece in request.pieces():
            if request.chunked:
                piece = b"%x\r\n%s\r\n" % (len(piece), piece)
            self.socket.sendall(piece)
        if request.chunked:
            self.socket.sendall(b"0\r\n\r\n")

    def request(self, request: Request) -> Response:
        """Sends a request and receives its response.

        A body is sent while the response is received, as it may come before the end.
        """
        if not request.body and not request.chunked:
            self.send(request)
            return self.receive(request.method)
        failures: list[BaseException] = []

        def send() -> None:
            try:
                self.send(request)
            except OSError:
                pass  # The server did not want the rest; what it says is received.
            except BaseException as failure:
                failures.append(failure)
                with contextlib.suppress(OSError):
                    self.socket.shutdown(socket.SHUT_RDWR)

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        try:
            return self.receive(request.method)
        finally:
            if not failures:
                sender.join(DEADLINE)
            if failures:
                raise failures[0]

    def receive(self, method: str = "GET") -> Response:
        """Receives the next response, interim ones left out.

        Raises:
            ClosedError: The connection ended before a first byte.
            ProtocolError: What came is no response.
        """
        status, reason, headers = self.receive_head()
        while status < 200:
            status, reason, headers = self.receive_head()
        body, complete = self._receive_body(method, status, headers)
        return Response(status, reason, headers, body, complete)

    def receive_head(self) -> tuple[int, str, list[tuple[str, str]]]:
        """Receives one head: status, reason, fields."""
        try:
            line = self._line()
        except _Truncated:
            if self._buffer:
                raise ProtocolError(f"truncated head {self._buffer!r}") from None
            raise ClosedError from None
        match = _STATUS_LINE.fullmatch(line)
        if not match:
            raise ProtocolError(f"malformed status line {line!r}")
        headers = []
        while line := self._line():
            headers.append(parse_field(line))
        tokens = ",".join(v for n, v in headers if n == "connection").lower()
        self._closing = "close" in [token.strip() for token in tokens.split(",")]
        if match[0].startswith(b"HTTP/1.0"):
            self._closing = "keep-alive" not in tokens
        return int(match[1]), match[2].decode("latin-1"), headers

    def receive_some(self) -> bytes:
        """Receives whatever comes next, at least one byte; none at the end."""
        if not self._buffer:
            self._fill()
        data, self._buffer = self._buffer, b""
        return data

    @property
    def closing(self) -> bool:
        """Whether the last response announced the end of the connection."""
        return self._closing

    def at_end(self) -> bool:
        """Waits for the end of the connection; `False` when bytes come instead."""
        if self._buffer:
            return False
        try:
            self._buffer = self.socket.recv(65536)
        except ConnectionResetError:
            return True
        return not self._buffer

    def _receive_body(
        self, method: str, status: int, headers: list[tuple[str, str]]
    ) -> tuple[bytes, bool]:
        codings = [value for name, value in headers if name == "transfer-encoding"]
        length = declared_length(headers)
        if codings and length is not None:
            raise ProtocolError("both Transfer-Encoding and Content-Length")
        if codings not in ([], ["chunked"]):
            raise ProtocolError(f"Transfer-Encoding {codings}")
        if status in (204, 304) and codings:
            raise ProtocolError(f"{status} with Transfer-Encoding")
        if status == 204 and length is not None:
            raise ProtocolError("204 with Content-Length")
        if method == "HEAD" or status in (204, 304):
            return b"", True
        if codings:
            return self._chunked()
        if length is None:
            self._closing = True
            return self._rest()
        while len(self._buffer) < length and self._fill():
            pass
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return body, len(body) == length

    def _chunked(self) -> tuple[bytes, bool]:
        body = bytearray()
        try:
            while True:
                size_line = self._line()
                if not _CHUNK_SIZE.fullmatch(size_line):
                    raise ProtocolError(f"malformed chunk size {size_line!r}")
                size = int(size_line, 16)
                if size == 0:
                    while line := self._line():
                        parse_field(line)
                    return bytes(body), True
                while len(self._buffer) < size:
                    if not self._fill():
                        body += self._buffer
                        raise _Truncated
                body += self._buffer[:size]
                self._buffer = self._buffer[size:]
                if self._line():
                    raise ProtocolError("chunk longer than its size")
        except _Truncated:
            return bytes(body), False

    def _rest(self) -> tuple[bytes, bool]:
        """Reads to the end of the connection: only a reset tells of truncation."""
        try:
            while data := self.socket.recv(65536):
                self._buffer += data
        except ConnectionResetError:
            return self._buffer, False
        body, self._buffer = self._buffer, b""
        return body, True

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            if not self._fill():
                raise _Truncated
        line, self._buffer = self._buffer[: end + 1], self._buffer[end + 1 :]
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            raise ProtocolError(f"bare CR or LF in {line!r}")
        return line[:-2]

    def _fill(self) -> bool:
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            return False
        self._buffer += data
        return bool(data)
