"""An application that holds requests, by both interfaces.

What a request does is its path; `/release` lets go of those that wait.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

HELD = threading.Event()
LOCK = threading.Lock()
RUNNING: list[str] = []
PIECE = b"x" * 65536

if "HELD_DUMP" in os.environ:
    # Stacks of the application's own, at the signal that would be the server's.
    dump = os.open(os.environ["HELD_DUMP"], os.O_WRONLY)
    faulthandler.register(signal.SIGRTMIN + 10, file=dump, all_threads=True)


def wait_for_release() -> None:
    HELD.wait(60)


def spin() -> None:
    while not HELD.is_set():
        pass


def deadlock() -> None:
    with LOCK:
        while not HELD.is_set():
            LOCK.acquire(timeout=0.1)


def hold_the_gil() -> None:
    ctypes.PyDLL(None).usleep(1_800_000)


def crash() -> None:
    ctypes.string_at(0)


HOLDS: dict[str, Callable[[], None]] = {
    "/wait": wait_for_release,
    "/spin": spin,
    "/deadlock": deadlock,
    "/gil": hold_the_gil,
    "/crash": crash,
}


class Pieces(Iterator[bytes]):
    """A body that holds in the middle, or when it is closed."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.pieces = self.make()

    def make(self) -> Iterator[bytes]:
        yield b"one"
        if self.path == "/generator":
            wait_for_release()
        yield b"two"

    def __next__(self) -> bytes:
        return next(self.pieces)

    def close(self) -> None:
        if self.path == "/close":
            wait_for_release()


def steady() -> Iterator[bytes]:
    for _ in range(14):
        time.sleep(0.2)
        yield b"tick"


def answer(
    path: str, query: str, read: Callable[[int], bytes]
) -> bytes | Iterator[bytes]:
    """Makes the body of a response."""
    if path == "/release":
        HELD.set()
        while RUNNING:
            time.sleep(0.01)
        HELD.clear()
        return b"released"
    if path == "/maybe" and query:
        wait_for_release()
    if path in HOLDS:
        HOLDS[path]()
    if path in ("/generator", "/close"):
        return Pieces(path)
    if path == "/steady":
        return steady()
    if path == "/large":
        return (PIECE for _ in range(256))
    if path == "/slow":
        time.sleep(float(query.split(":")[0]))
    if path == "/upload":
        size = 0
        while piece := read(65536):
            size += len(piece)
        return str(size).encode()
    return b"hello"


def wsgi(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path != "/release":
        RUNNING.append(path)
    try:
        body = answer(path, environ["QUERY_STRING"], environ["wsgi.input"].read)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [body] if isinstance(body, bytes) else body
    finally:
        if path != "/release":
            RUNNING.remove(path)


def native(t: Any) -> bytes | Iterator[bytes]:
    path = t.path
    if path != "/release":
        RUNNING.append(path)
    try:
        return answer(path, str(t.url).partition("?")[2], t.read)
    finally:
        if path != "/release":
            RUNNING.remove(path)
