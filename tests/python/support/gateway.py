"""Small clients of FastCGI, SCGI and the uwsgi protocol, as web servers have them."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Callable

from support import cgi
from support.fronts.program import find_program
from support.log import Log
from support.messages import Request
from support.server import AskedServer, Process, Served

Variables = dict[bytes, bytes]


class Stream(cgi.Asked):
    """A request on a connection of its own; the answer ends with the connection."""

    def __init__(self, port: int, variables: Variables, request: Request) -> None:
        """Connects, and sends what comes before the body."""
        self._socket = socket.create_connection(("127.0.0.1", port), cgi.DEADLINE)
        self._socket.sendall(self.head(variables))
        super().__init__(request)

    def head(self, variables: Variables) -> bytes:
        """What comes before the body."""
        raise NotImplementedError

    def write(self, piece: bytes) -> None:
        """See `Asked.write`."""
        self._socket.sendall(piece)

    def end(self) -> None:
        """See `Asked.end`; the length has said it."""

    def read(self) -> bytes:
        """See `Asked.read`."""
        return self._socket.recv(65536)

    def close(self) -> bool:
        """See `Asked.close`; how it ended cannot be told."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        return True


class SCGI(Stream):
    """SCGI: a netstring of variables, CONTENT_LENGTH the first of them."""

    def head(self, variables: Variables) -> bytes:
        """See `Stream.head`."""
        length = variables.get(b"CONTENT_LENGTH") or b"0"
        first = {b"CONTENT_LENGTH": length, b"SCGI": b"1"}
        pairs = {**first, **variables, **first}
        text = b"".join(b"%s\0%s\0" % pair for pair in pairs.items())
        return b"%d:%s," % (len(text), text)


class Uwsgi(Stream):
    """The uwsgi protocol: a packet of variables, lengths in little endian."""

    _HTTP = b"HTTP/1.1"
    _opened = False

    def head(self, variables: Variables) -> bytes:
        """See `Stream.head`."""
        text = b"".join(
            struct.pack("<H", len(word)) + word
            for pair in variables.items()
            for word in pair
        )
        return struct.pack("<BHB", 0, len(text), 0) + text

    def read(self) -> bytes:
        """See `Asked.read`; `HTTP/1.1` is what `Status:` is to CGI."""
        piece = super().read()
        if not self._opened and piece:
            while len(piece) < len(self._HTTP) and (more := super().read()):
                piece += more
            self._opened = True
            assert piece.startswith(self._HTTP)
            piece = b"Status:" + piece[len(self._HTTP) :]
        return piece


class FastCGI(cgi.Asked):
    """FastCGI: a responder's request, on a connection of its own."""

    _BEGIN, _ABORT, _END, _PARAMS, _STDIN, _STDOUT, _STDERR = range(1, 8)

    def __init__(self, port: int, variables: Variables, request: Request) -> None:
        """Connects, and sends what comes before the body."""
        self._socket = socket.create_connection(("127.0.0.1", port), cgi.DEADLINE)
        self._input = self._socket.makefile("rb")
        self._ended: bytes | None = None
        self._record(self._BEGIN, struct.pack("!HB5x", 1, 0))
        pairs = b"".join(
            self._length(name) + self._length(value) + name + value
            for name, value in variables.items()
        )
        self._stream(self._PARAMS, pairs)
        self._record(self._PARAMS, b"")
        super().__init__(request)

    @staticmethod
    def _length(word: bytes) -> bytes:
        size = len(word)
        return bytes([size]) if size < 128 else struct.pack("!I", size | 1 << 31)

    def _record(self, kind: int, content: bytes) -> None:
        head = struct.pack("!BBHHBx", 1, kind, 1, len(content), -len(content) % 8)
        self._socket.sendall(head + content + bytes(-len(content) % 8))

    def _stream(self, kind: int, content: bytes) -> None:
        for start in range(0, len(content), 65535):
            self._record(kind, content[start : start + 65535])

    def write(self, piece: bytes) -> None:
        """See `Asked.write`."""
        self._stream(self._STDIN, piece)

    def end(self) -> None:
        """See `Asked.end`."""
        self._record(self._STDIN, b"")

    def read(self) -> bytes:
        """See `Asked.read`; until END_REQUEST, or a record of another version.

        The latter is how a response is cut that servers would otherwise take for whole.
        """
        while self._ended is None:
            head = self._input.read(8)
            if len(head) < 8:
                return b""
            version, kind, number, length, padding = struct.unpack("!BBHHBx", head)
            if version != 1:
                return b""
            content = self._input.read(length + padding)[:length]
            assert number == 1
            if kind == self._END:
                self._ended = content
            elif kind == self._STDOUT and content:
                return content
        return b""

    def close(self) -> bool:
        """See `Asked.close`; END_REQUEST says how it ended."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._input.close()
        self._socket.close()
        return self._ended is not None and not any(self._ended[:5])


class CgiFcgi(cgi.Child):
    """The program cgi-fcgi, which is a CGI program to us and a FastCGI client."""

    def __init__(self, port: int, variables: Variables, request: Request) -> None:
        """Starts it."""
        program = find_program("cgi-fcgi")
        command = [program, "-bind", "-connect", f"127.0.0.1:{port}"]
        environment = {b"PATH": os.environb[b"PATH"]}
        super().__init__(command, {**environment, **variables}, request, Log())


Ask = Callable[[int, Variables, Request], cgi.Asked]


class GatewayServer(AskedServer):
    """A gateway that listens, asked by a client of the suite."""

    def __init__(self, ask: Ask, served: Served) -> None:
        """Starts it."""
        super().__init__(served)
        command = served.command("--bind", "127.0.0.1:0")
        self._process = Process(command, served.settings, self.log)
        self.pid = self._process.pid
        self._ask = ask

    def give(self, request: Request, variables: Variables) -> cgi.Asked:
        """See `AskedServer.give`."""
        return self._ask(self._process.port, variables, request)

    def stop(self) -> None:
        """See `Server.stop`."""
        self._process.stop()
