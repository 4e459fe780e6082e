"""A client of a pool: FastCGI over a Unix socket, on a connection that may be kept."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import NamedTuple

PATIENCE = 30.0
"""Seconds after which something that should have happened has not."""

_BEGIN, _ABORT, _END, _PARAMS, _STDIN, _STDOUT, _STDERR = range(1, 8)

OVERLOADED = 2
"""The protocol status of a request that nobody has read."""


class Answer(NamedTuple):
    """What came back.

    Attributes:
        status: The status of the response; 0 if there was none.
        body: The body.
        errors: What was said for the log.
        protocol: How the protocol says that it ended; `None` if it does not.
    """

    status: int
    body: bytes
    errors: bytes
    protocol: int | None


class Connection:
    """A connection to the processes of a pool."""

    def __init__(self, path: str) -> None:
        """Connects."""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE)
        self._socket.connect(path)
        self._input = self._socket.makefile("rb")

    def __enter__(self) -> Connection:
        """Nothing else happens."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()

    def close(self) -> None:
        """Ends the connection."""
        self._input.close()
        self._socket.close()

    def send(self, target: str, keep: bool = False) -> None:
        """Sends a request without a body."""
        path, _, query = target.partition("?")
        variables = {
            "REQUEST_METHOD": "GET",
            "REQUEST_URI": target,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "test",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "test",
        }
        pairs = b"".join(
            struct.pack("!BB", len(name), len(value)) + f"{name}{value}".encode()
            for name, value in variables.items()
        )
        self._socket.sendall(
            self._record(_BEGIN, struct.pack("!HB5x", 1, keep))
            + self._record(_PARAMS, pairs)
            + self._record(_PARAMS, b"")
            + self._record(_STDIN, b"")
        )

    @staticmethod
    def _record(kind: int, content: bytes) -> bytes:
        return struct.pack("!BBHHBx", 1, kind, 1, len(content), 0) + content

    def receive(self) -> Answer:
        """Reads the answer to the end of the request, or of the connection."""
        output, errors, protocol = b"", b"", None
        while protocol is None and len(head := self._input.read(8)) == 8:
            _, kind, number, length, padding = struct.unpack("!BBHHBx", head)
            content = self._input.read(length + padding)[:length]
            assert number == 1
            if kind == _END:
                protocol = content[4]
            elif kind == _STDERR:
                errors += content
            else:
                assert kind == _STDOUT
                output += content
        fields, _, body = output.partition(b"\r\n\r\n")
        status = 200 if output else 0
        for field in fields.split(b"\r\n"):
            if field.lower().startswith(b"status:"):
                status = int(field.split()[1])
        return Answer(status, body, errors, protocol)


def get(path: str, target: str = "/") -> Answer:
    """Asks on a connection of its own."""
    with Connection(path) as connection:
        # A broker that can start nothing answers and closes without having read.
        with contextlib.suppress(BrokenPipeError):
            connection.send(target)
        return connection.receive()
