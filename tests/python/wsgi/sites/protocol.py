"""Applications that use every corner of PEP 3333's protocol."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from support.cases import PLAIN, Cases, Closing, Environ, log, read_to_end

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

application = Cases()


@application.case
def written(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Writes all of its body."""
    write = start_response("200 OK", PLAIN)
    for piece in (b"one ", b"", b"two ", b"three"):
        write(piece)
    return ()


@application.case
def written_then_iterated(
    environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Writes one part of its body and returns the other."""
    write = start_response("200 OK", PLAIN)
    write(b"written ")
    return [b"then ", b"iterated"]


@application.case
def written_with_length(
    environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Writes a body of declared length."""
    write = start_response("200 OK", [*PLAIN, ("Content-Length", "10")])
    write(b"01234")
    write(b"56789")
    return []


@application.case
def write_arrives(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Writes, then waits for the client to have seen it."""
    length = str(len(b"first") + int(environ["CONTENT_LENGTH"]))
    write = start_response("200 OK", [*PLAIN, ("Content-Length", length)])
    write(b"first")
    write(read_to_end(environ))
    return []


@application.case
def late_start(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Starts its response at the first piece."""
    start_response("201 Created", [*PLAIN, ("X-Late", "yes")])
    yield b"late"


@application.case
def empty_piece_first(
    environ: Environ, start_response: StartResponse
) -> Iterator[bytes]:
    """Yields nothing twice before it yields something."""
    start_response("200 OK", PLAIN)
    yield b""
    yield b""
    yield b"something"
    yield b""


@application.case
def head_may_change_until_a_piece(
    environ: Environ, start_response: StartResponse
) -> Iterator[bytes]:
    """Replaces its head after an empty piece, which has sent nothing."""
    start_response("200 OK", PLAIN)
    yield b""
    try:
        raise ValueError("found out late")
    except ValueError:
        start_response("503 Later", [*PLAIN, ("X-Second", "yes")], sys.exc_info())
    yield b"replaced"


@application.case
def started_by_iterator(
    environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Starts its response in `__iter__`."""

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            start_response("200 OK", PLAIN)
            return iter([b"from __iter__"])

    return Body()


@application.case
def exc_info_before_head(
    environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Fails before anything is sent, and answers with an error page."""
    start_response("200 OK", [*PLAIN, ("X-First", "yes")])
    try:
        raise ValueError("before the head")
    except ValueError:
        start_response("500 Oops", [("Content-Type", "text/html")], sys.exc_info())
    return [b"error page"]


@application.case
def exc_info_after_head(
    environ: Environ, start_response: StartResponse
) -> Iterator[bytes]:
    """Fails after a piece was sent: start_response raises the exception again."""
    start_response("200 OK", PLAIN)
    yield b"x" * 100
    try:
        raise ValueError("after the head")
    except ValueError as error:
        try:
            start_response("500 Oops", PLAIN, sys.exc_info())
        except ValueError as raised:
            same = "same" if raised is error else "another"
            log(environ, f"raised again: {same} {environ['HTTP_X_TOKEN']}")
            raise


@application.case
def exc_info_first(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Gives exc_info with its only head."""
    try:
        raise ValueError("first")
    except ValueError:
        start_response("502 Bad Gateway", PLAIN, sys.exc_info())
    return [b"first"]


@application.case
def exc_info_none(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Gives None as exc_info."""
    start_response("200 OK", PLAIN, None)
    return [b"none"]


@application.case
def start_response_twice(
    environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Starts twice without a reason to, and says what happened."""
    start_response("200 OK", PLAIN)
    try:
        start_response("201 Created", PLAIN)
    except Exception as error:
        return [f"raised {isinstance(error, Exception)}".encode()]
    return [b"accepted"]


@application.case
def start_response_returns(
    environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Looks at what start_response returns."""
    write = start_response("200 OK", PLAIN)
    returned = write(b"write ")
    return [f"returned {returned}".encode()]


@application.case
def closed(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Returns a body with close."""
    start_response("200 OK", PLAIN)
    return Closing(environ, [b"closed ", b"later"])


@application.case
def closed_with_length(
    environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Returns a body of declared length with close."""
    start_response("200 OK", [*PLAIN, ("Content-Length", "5")])
    return Closing(environ, [b"01234"])


@application.case
def closed_after_failure(
    environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Fails while its body is made."""

    def chunks() -> Iterator[bytes]:
        yield b"x" * 100
        raise RuntimeError("in iteration")

    start_response("200 OK", PLAIN)
    return Closing(environ, chunks())


@application.case
def closed_after_early_failure(
    environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Fails before the first piece."""

    def chunks() -> Iterator[bytes]:
        raise RuntimeError("before the first piece")
        yield b""

    start_response("200 OK", PLAIN)
    return Closing(environ, chunks())


@application.case
def closed_unstarted(
    environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Never starts its response."""
    return Closing(environ, [b"no head"])


@application.case
def closed_bodiless(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Returns a body with close after 204."""
    start_response("204 No Content", [])
    return Closing(environ, [])


@application.case
def closed_after_write(
    environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Writes, and returns an empty body with close."""
    start_response("200 OK", PLAIN)(b"written")
    return Closing(environ, [])


@application.case
def endless(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Yields until somebody stops it."""

    def chunks() -> Iterator[bytes]:
        while True:
            yield b"x" * 65536

    start_response("200 OK", PLAIN)
    return Closing(environ, chunks())


@application.case
def endless_write(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Writes until that fails, and says so."""
    write = start_response("200 OK", PLAIN)
    try:
        while True:
            write(b"x" * 65536)
    except Exception as error:
        log(environ, f"write failed: {isinstance(error, OSError)} ")
        log(environ, f"stopped {environ['HTTP_X_TOKEN']}")
        raise


@application.case
def close_fails(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Returns a body whose close raises."""

    class Body(Closing):
        def close(self) -> None:
            super().close()
            raise RuntimeError("close failed")

    start_response("200 OK", [*PLAIN, ("Content-Length", "5")])
    return Body(environ, [b"whole"])


@application.case
def generator_is_closed(
    environ: Environ, start_response: StartResponse
) -> Iterator[bytes]:
    """A generator: its finally clause runs when it is closed."""
    start_response("200 OK", PLAIN)
    try:
        while True:
            yield b"x" * 65536
    finally:
        log(environ, f"closed {environ['HTTP_X_TOKEN']}")


@application.case
def empty_list(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Returns no piece at all."""
    start_response("200 OK", PLAIN)
    return []


@application.case
def empty_generator(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Yields no piece at all."""
    start_response("200 OK", PLAIN)
    return
    yield b""


@application.case
def many_small(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Yields 5000 small pieces."""
    start_response("200 OK", PLAIN)
    return (b"%d\n" % number for number in range(5000))


@application.case
def one_in_list(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Returns one piece in a list."""
    start_response("200 OK", PLAIN)
    return [b"one piece"]


@application.case
def several_in_list(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Returns several pieces in a list."""
    start_response("200 OK", PLAIN)
    return [b"several ", b"", b"pieces ", b"in a list"]


@application.case
def several_in_tuple(
    environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Returns several pieces in a tuple."""
    start_response("200 OK", PLAIN)
    return (b"several ", b"pieces ", b"in a tuple")


@application.case
def sized_iterable(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Returns an iterable of its own class, with a length of one."""

    class Sized:
        def __len__(self) -> int:
            return 1

        def __iter__(self) -> Iterator[bytes]:
            yield b"one of one"

    start_response("200 OK", PLAIN)
    return Sized()


@application.case
def sized_wrongly(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Returns a list that yields more than its length says."""

    class Sly(list[bytes]):
        def __iter__(self) -> Iterator[bytes]:
            yield b"more "
            yield b"than one"

    start_response("200 OK", PLAIN)
    return Sly([b"one"])


@application.case
def getitem_only(environ: Environ, start_response: StartResponse) -> object:
    """Returns an iterable of the old protocol."""

    class Old:
        def __getitem__(self, number: int) -> bytes:
            return (b"old ", b"protocol")[number]

    start_response("200 OK", PLAIN)
    return Old()


@application.case
def list_with_close(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Returns a list that can be closed."""

    class Closable(list[bytes]):
        def close(self) -> None:
            log(environ, f"closed {environ['HTTP_X_TOKEN']}")

    start_response("200 OK", PLAIN)
    return Closable([b"a list"])


@application.case
def bytes_body(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Returns a list made of one large piece."""
    start_response("200 OK", PLAIN)
    return [b"0123456789abcdef" * 65536]


@application.case
def reason(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answers with the status line that a field names."""
    start_response(environ["HTTP_X_STATUS"], PLAIN)
    return [b"reason"]


@application.case
def fields_back(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answers with a field of Latin-1 letters, and one that stands twice."""
    fields = [
        ("X-Latin", "caf\xe9 \xff"),
        ("Set-Cookie", "a=1"),
        ("X-Between", ""),
        ("Set-Cookie", "b=2; Path=/"),
    ]
    start_response("200 OK", [*PLAIN, *fields])
    return [environ["HTTP_X_LATIN"].encode("latin-1")]


@application.case
def with_length(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Declares the length of its body."""
    start_response("200 OK", [*PLAIN, ("Content-Length", "12")])
    return [b"twelve bytes"]


@application.case
def status(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answers with the status in the query, and a body."""
    start_response(environ["QUERY_STRING"].replace("_", " "), PLAIN)
    return [b"body"]


@application.case
def headers_changed_later(
    environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Changes its list of fields after it gave it away."""
    fields = [*PLAIN]
    start_response("200 OK", fields)
    fields.append(("Bad Name:", "bad\r\nvalue"))
    return [b"unchanged"]
