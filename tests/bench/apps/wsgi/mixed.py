"""A WSGI application with small, large, and slow-coming bodies.

`/` is a hello, `/download/N` sends N bytes, `/upload` reads the
request's body and answers with its length, `/sleep/…` is a hello after 10 ms.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HELLO = b"Hello, world!"
PIECE = bytes(range(256)) * 256  # 64 KiB


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Chooses by the first segment of the path."""
    path: str = environ["PATH_INFO"]
    if path == "/upload":
        return upload(environ, start_response)
    if path.startswith("/download/"):
        return download(int(path.removeprefix("/download/")), start_response)
    if path.startswith("/sleep/"):
        time.sleep(0.01)
    start_response(
        "200 OK",
        [("Content-Type", "text/plain"), ("Content-Length", str(len(HELLO)))],
    )
    return [HELLO]


def download(length: int, start_response: StartResponse) -> Iterable[bytes]:
    """Sends `length` bytes, a piece at a time."""
    start_response(
        "200 OK",
        [
            ("Content-Type", "application/octet-stream"),
            ("Content-Length", str(length)),
        ],
    )
    return pieces(length)


def pieces(length: int) -> Iterator[bytes]:
    """Yields `length` bytes of the pattern."""
    whole, rest = divmod(length, len(PIECE))
    for _ in range(whole):
        yield PIECE
    if rest:
        yield PIECE[:rest]


def upload(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Reads the whole body, a piece at a time, and answers with its length."""
    stream = environ["wsgi.input"]
    length = 0
    while piece := stream.read(len(PIECE)):
        length += len(piece)
    body = str(length).encode()
    start_response(
        "200 OK",
        [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))],
    )
    return [body]
