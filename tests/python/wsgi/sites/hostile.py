"""Applications whose output breaks every rule."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from support.cases import PLAIN, Cases, Environ

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

application = Cases()


class Base(BaseException):
    """An exception that `except Exception` does not catch."""


class Unprintable(Exception):
    """An exception that cannot even be shown."""

    def __str__(self) -> str:
        """Fails."""
        raise RuntimeError("no text")

    __repr__ = __str__


# Heads that may never be sent: status and fields.
HEADS: dict[str, tuple[Any, Any]] = {
    "value_with_crlf": ("200 OK", [("X-A", "a\r\nX-Injected: yes")]),
    "value_with_lf": ("200 OK", [("X-A", "a\nX-Injected: yes")]),
    "value_with_cr": ("200 OK", [("X-A", "a\rX-Injected: yes")]),
    "value_with_nul": ("200 OK", [("X-A", "a\0b")]),
    "value_with_control": ("200 OK", [("X-A", "a\x1bb")]),
    "value_with_delete": ("200 OK", [("X-A", "a\x7fb")]),
    "value_not_latin": ("200 OK", [("X-A", "\u20ac")]),
    "value_surrogate": ("200 OK", [("X-A", "\udc80")]),
    "value_bytes": ("200 OK", [("X-A", b"bytes")]),
    "value_none": ("200 OK", [("X-A", None)]),
    "value_number": ("200 OK", [("Content-Length", 5)]),
    "name_with_colon": ("200 OK", [("X A:", "a")]),
    "name_with_space": ("200 OK", [("X A", "a")]),
    "name_with_crlf": ("200 OK", [("X-A: b\r\nX-Injected", "yes")]),
    "name_empty": ("200 OK", [("", "a")]),
    "name_not_ascii": ("200 OK", [("X-\xe9", "a")]),
    "name_bytes": ("200 OK", [(b"X-A", "a")]),
    "pair_of_three": ("200 OK", [("X-A", "a", "b")]),
    "pair_of_one": ("200 OK", [("X-A",)]),
    "pair_none": ("200 OK", [None]),
    "fields_none": ("200 OK", None),
    "fields_number": ("200 OK", 7),
    "status_with_crlf": ("200 OK\r\nX-Injected: yes", PLAIN),
    "status_with_lf": ("200 OK\nX-Injected: yes", PLAIN),
    "status_with_nul": ("200 O\0K", PLAIN),
    "status_not_latin": ("200 \u20ac", PLAIN),
    "status_word": ("abc", PLAIN),
    "status_empty": ("", PLAIN),
    "status_number": (200, PLAIN),
    "status_bytes": (b"200 OK", PLAIN),
    "status_short": ("20 OK", PLAIN),
    "status_long": ("2000 OK", PLAIN),
    "status_interim": ("100 Continue", PLAIN),
    "status_switching": ("101 Switching Protocols", PLAIN),
    "status_out_of_range": ("000 None", PLAIN),
    "hop_by_hop_coding": ("200 OK", [*PLAIN, ("Transfer-Encoding", "chunked")]),
    "hop_by_hop_connection": ("200 OK", [*PLAIN, ("Connection", "close")]),
    "hop_by_hop_keep_alive": ("200 OK", [*PLAIN, ("Keep-Alive", "timeout=5")]),
    "hop_by_hop_upgrade": ("200 OK", [*PLAIN, ("Upgrade", "websocket")]),
    "length_malformed": ("200 OK", [*PLAIN, ("Content-Length", "five")]),
    "length_signed": ("200 OK", [*PLAIN, ("Content-Length", "+5")]),
    "length_negative": ("200 OK", [*PLAIN, ("Content-Length", "-5")]),
    "length_twice": (
        "200 OK",
        [*PLAIN, ("Content-Length", "5"), ("Content-Length", "6")],
    ),
}


def _with_head(status: Any, fields: Any) -> Any:
    def case(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response(status, fields)
        return [b"12345"]

    return case


for _name, _head in HEADS.items():
    application.named(_name, _with_head(*_head))

# What is returned as body, after a good head; none of it can be sent.
BODIES: dict[str, Any] = {
    "body_text": ["text"],
    "body_plain_text": "text",
    "body_none": None,
    "body_number": 7,
    "body_of_numbers": [1, 2, 3],
    "body_of_none": [None],
    "body_nested": [[b"nested"]],
}


def _with_body(body: Any) -> Any:
    def case(environ: Environ, start_response: StartResponse) -> Any:
        start_response("200 OK", PLAIN)
        return body

    return case


for _name, _body in BODIES.items():
    application.named(_name, _with_body(_body))

# What is raised, before, while and after the body is made.
RAISED: dict[str, Any] = {
    "exception": lambda: RuntimeError("an ordinary exception"),
    "system_exit": lambda: SystemExit(3),
    "system_exit_none": SystemExit,
    "keyboard_interrupt": KeyboardInterrupt,
    "generator_exit": GeneratorExit,
    "stop_iteration": StopIteration,
    "memory_error": MemoryError,
    "base_exception": Base,
    "broken_pipe": lambda: BrokenPipeError(32, "the application's own pipe"),
    "unprintable": Unprintable,
}


def _raises(make: Any, place: str) -> Any:
    def case(environ: Environ, start_response: StartResponse) -> Any:
        if place == "called":
            raise make()
        start_response("200 OK", PLAIN)
        if place == "started":
            raise make()
        return Body(place, make)

    return case


class Body:
    """A body that fails at a place of its own."""

    def __init__(self, place: str, make: Any) -> None:
        """Remembers where to fail."""
        self._place = place
        self._make = make
        self._count = 0

    def __iter__(self) -> Iterator[bytes]:
        """Returns itself."""
        if self._place == "iter":
            raise self._make()
        return self

    def __next__(self) -> bytes:
        """Yields pieces, unless it fails."""
        self._count += 1
        if self._place == "first" or (self._place == "second" and self._count == 2):
            raise self._make()
        if self._count > 3:
            raise StopIteration
        return b"piece"

    def close(self) -> None:
        """Fails, if here."""
        if self._place == "close":
            raise self._make()


PLACES = ("called", "started", "iter", "first", "second", "close")
for _name, _make in RAISED.items():
    for _place in PLACES:
        application.named(f"{_name}_{_place}", _raises(_make, _place))


@application.case
def never_started(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Returns a body without a head."""
    return [b"no head"]


@application.case
def never_started_empty(
    environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Returns nothing without a head."""
    return []


@application.case
def started_twice(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Starts twice without exc_info."""
    start_response("200 OK", PLAIN)
    start_response("200 OK", PLAIN)
    return [b"twice"]


@application.case
def write_text(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Writes text."""
    write: Any = start_response("200 OK", PLAIN)
    write("text")
    return []


@application.case
def recursion(environ: Environ, start_response: StartResponse) -> Any:
    """Calls itself until Python refuses."""
    return recursion(environ, start_response)


@application.case
def deep_recursion(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Recurses as deep as 50 000 frames ask for, where Python allows it."""
    limit = sys.getrecursionlimit()

    def descend(depth: int) -> int:
        return 1 + descend(depth - 1) if depth else 0

    try:
        descend(limit * 2)
    finally:
        sys.setrecursionlimit(limit)
    return []


@application.case
def fails_mid_body(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Fails after five bytes of unknown many."""
    start_response("200 OK", PLAIN)
    yield b"12345"
    raise RuntimeError("in the middle")


@application.case
def fails_mid_length(
    environ: Environ, start_response: StartResponse
) -> Iterator[bytes]:
    """Fails after five bytes of twenty."""
    start_response("200 OK", [*PLAIN, ("Content-Length", "20")])
    yield b"12345"
    raise RuntimeError("in the middle of a length")


@application.case
def fails_after_write(
    environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Fails after it has written."""
    start_response("200 OK", PLAIN)(b"12345")
    raise RuntimeError("after a write")


@application.case
def text_mid_body(environ: Environ, start_response: StartResponse) -> Iterator[Any]:
    """Yields bytes, then text."""
    start_response("200 OK", PLAIN)
    yield b"12345"
    yield "text"


@application.case
def shorter(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Returns five bytes of twenty in one piece."""
    start_response("200 OK", [*PLAIN, ("Content-Length", "20")])
    return [b"12345"]


@application.case
def shorter_yielded(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Yields five bytes of twenty."""
    start_response("200 OK", [*PLAIN, ("Content-Length", "20")])
    yield b"123"
    yield b"45"


@application.case
def shorter_written(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Writes five bytes of twenty."""
    start_response("200 OK", [*PLAIN, ("Content-Length", "20")])(b"12345")
    return []


@application.case
def shorter_empty(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Returns nothing of twenty bytes."""
    start_response("200 OK", [*PLAIN, ("Content-Length", "20")])
    return []


@application.case
def longer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Returns six bytes for five in one piece."""
    start_response("200 OK", [*PLAIN, ("Content-Length", "5")])
    return [b"123456"]


@application.case
def longer_yielded(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Yields many bytes for five."""
    start_response("200 OK", [*PLAIN, ("Content-Length", "5")])
    yield b"123"
    yield b"456"
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"


@application.case
def longer_written(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Writes six bytes for five, and goes on if that raises."""
    write = start_response("200 OK", [*PLAIN, ("Content-Length", "5")])
    try:
        write(b"123456")
    except Exception:
        return [b"more"]
    return []


@application.case
def longer_than_none(
    environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Returns a byte for none."""
    start_response("200 OK", [*PLAIN, ("Content-Length", "0")])
    return [b"1"]


@application.case
def body_with_204(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Returns a body where none belongs."""
    start_response("204 No Content", [*PLAIN, ("Content-Length", "5")])
    return [b"12345"]


@application.case
def body_with_304(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Returns a body where none belongs."""
    start_response("304 Not Modified", PLAIN)
    return [b"12345", b"67890"]


@application.case
def write_with_304(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Writes a body where none belongs."""
    start_response("304 Not Modified", PLAIN)(b"12345")
    return []


@application.case
def process(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answers with the process id."""
    start_response("200 OK", PLAIN)
    return [str(os.getpid()).encode()]
