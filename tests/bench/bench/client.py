"""A small HTTP/1.1 client over plain sockets, for what wrk cannot do."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse

from .process import HOST

TIMEOUT = 30.0
BUFFER = 1 << 20

BROWSER_HEADERS = (
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("Accept-Language", "en-GB,en;q=0.7,de;q=0.3"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Referer", "http://localhost/articles/2026/narthex"),
    ("Cookie", "session=0123456789abcdef0123456789abcdef; theme=dark"),
    ("Cache-Control", "max-age=0"),
    ("Upgrade-Insecure-Requests", "1"),
)

Headers = tuple[tuple[str, str], ...]


class AnswerError(ValueError):
    """A server's answer is not the one the scenario expects."""


@dataclass(frozen=True)
class Head:
    """The head of a response, and the bytes of the body that came along with it."""

    status: int
    length: int
    size: int
    rest: bytes


def request_bytes(path: str, headers: Headers = (), method: str = "GET") -> bytes:
    """Writes a request's head the way wrk writes it."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def connect(port: int, tls: bool = False) -> socket.socket:
    """Opens a connection to a server under test, whose certificate may be anyone's."""
    connection = socket.create_connection((HOST, port), timeout=TIMEOUT)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not tls:
        return connection
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connection)


def parse_head(data: bytes) -> Head | None:
    """Parses a response's head, or returns None while it is not all there.

    Raises:
        AnswerError: There is no Content-Length; applications here send one.
    """
    head, separator, rest = data.partition(b"\r\n\r\n")
    if not separator:
        return None
    status_line, *lines = head.decode("latin-1").split("\r\n")
    for line in lines:
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            return Head(
                status=int(status_line.split()[1]),
                length=int(value),
                size=len(head) + len(separator),
                rest=rest,
            )
    raise AnswerError(f"{status_line}: no Content-Length")


def read_head(connection: socket.socket) -> Head:
    """Reads up to the end of a response's head.

    Raises:
        AnswerError: The server closed before that.
    """
    data = b""
    while (head := parse_head(data)) is None:
        piece = connection.recv(65536)
        if not piece:
            raise AnswerError(f"closed after {len(data)} bytes of a head")
        data += piece
    return head


def read_body(connection: socket.socket, head: Head) -> bytes:
    """Reads the body of one response.

    Raises:
        AnswerError: The server closed before its end.
    """
    body = head.rest
    while len(body) < head.length:
        piece = connection.recv(65536)
        if not piece:
            raise AnswerError(f"closed after {len(body)} of {head.length} bytes")
        body += piece
    return body


def discard_body(connection: socket.socket, head: Head) -> None:
    """Reads the body of one response and forgets it.

    Raises:
        AnswerError: The server closed before its end.
    """
    buffer = bytearray(BUFFER)
    left = head.length - len(head.rest)
    while left > 0:
        count = connection.recv_into(buffer, min(left, BUFFER))
        if count == 0:
            raise AnswerError(f"closed {left} bytes before the end of the body")
        left -= count


def expect_hello(
    port: int, headers: Headers, body: bytes, path: str = "/", tls: bool = False
) -> None:
    """Makes one request and compares its answer.

    Raises:
        AnswerError: It is another one.
    """
    with connect(port, tls) as connection:
        connection.sendall(request_bytes(path, headers))
        response = HTTPResponse(connection)
        try:
            response.begin()
            answer = response.read()
        except HTTPException as error:
            raise AnswerError(f"answered with what is no response: {error}") from error
    if (response.status, answer) != (200, body):
        raise AnswerError(f"answered {response.status} {answer[:40]!r}")
