"""The applications of Plack's handler suite, in WSGI's terms."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from support.cases import PLAIN, Cases, Closing, Environ, log, read_to_end

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

application = Cases()
IMAGE = bytes(range(256)) * 11 + b"narthex" * 11 + b"\xff" * 5
BIG = hashlib.sha256(b"a bigger file").digest() * 460 + b"0123456789" * 3

HEADER_LIKE = b"""yes: header like in first line
content-type: text/html

text: header
"""


@application.case
def echo(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answers with the variable that the query names, or says that it is absent."""
    value = environ.get(environ["QUERY_STRING"])
    start_response("200 OK", PLAIN)
    return [b"absent" if value is None else str(value).encode("latin-1")]


@application.case
def hello(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Greets whom the query names."""
    start_response("200 OK", PLAIN)
    return [b"Hello, " + environ["QUERY_STRING"].encode("latin-1")]


@application.case
def post(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Returns the body, its length and type in fields."""
    body = read_to_end(environ)
    fields = [
        ("Client-Content-Length", environ["CONTENT_LENGTH"]),
        ("Client-Content-Type", environ.get("CONTENT_TYPE", "")),
        ("Client-Digest", hashlib.md5(body).hexdigest()),
    ]
    start_response("200 OK", [*PLAIN, *fields])
    return [body]


@application.case
def file_handle(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Returns a file object as body."""
    start_response("200 OK", PLAIN)
    return Path(__file__).open("rb")


@application.case
def image(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Returns an image with its length."""
    length = ("Content-Length", str(len(IMAGE)))
    start_response("200 OK", [("Content-Type", "image/jpeg"), length])
    return io.BytesIO(IMAGE)


@application.case
def bigger_file(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Returns a larger file with its length."""
    length = ("Content-Length", str(len(BIG)))
    start_response("200 OK", [("Content-Type", "image/jpeg"), length])
    return io.BytesIO(BIG)


@application.case
def wrapped_file(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Returns a file through the server's wrapper."""
    start_response("200 OK", PLAIN)
    file = Path(__file__).open("rb")  # noqa: SIM115 - the server closes it
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
    return wrapped


@application.case
def environment(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Lists the variables that Plack looks at."""
    start_response("200 OK", PLAIN)
    names = (
        "REQUEST_METHOD",
        "SCRIPT_NAME",
        "PATH_INFO",
        "QUERY_STRING",
        "SERVER_NAME",
        "SERVER_PORT",
    )
    return [f"{name}:{environ[name]}\n".encode("latin-1") for name in names]


@application.case
def closed(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Returns a body with `close`."""
    start_response("200 OK", PLAIN)
    return Closing(environ, [b"Hello", b" World"])


@application.case
def errors(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Writes to the error stream."""
    log(environ, f"noted {environ['HTTP_X_TOKEN']}")
    start_response("200 OK", PLAIN)
    return [b"noted"]


@application.case
def dies(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Fails."""
    raise RuntimeError("Throwing an exception from app handler. Server shouldn't crash")


@application.case
def repeated_fields(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answers with fields that stand several times."""
    fields = [("X-Foo", "foo"), ("X-Foo", "bar, baz"), ("X-Bar", "one")]
    start_response("200 OK", [*PLAIN, *fields])
    return [b"foo"]


@application.case
def not_modified(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answers 304 without any field."""
    start_response("304 Not Modified", [])
    return []


@application.case
def long_field(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answers with a field of 200 bytes."""
    start_response("200 OK", [*PLAIN, ("X-Long", environ["HTTP_X_LONG"])])
    return [b"long"]


@application.case
def delayed(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Starts its response when the first piece is asked for."""
    name = environ["QUERY_STRING"].encode("latin-1")
    start_response("200 OK", PLAIN)
    yield b"Hello, " + name


@application.case
def streamed(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Writes its body."""
    write = start_response("200 OK", PLAIN)
    write(b"Hello, ")
    write(environ["QUERY_STRING"].encode("latin-1"))
    return []


@application.case
def header_like(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answers with a body that looks like fields."""
    start_response("200 OK", PLAIN)
    return [HEADER_LIKE]


@application.case
def newlines(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answers with newlines only."""
    start_response("200 OK", PLAIN)
    return [b"\n" * 17]


@application.case
def not_found(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answers 404."""
    start_response("404 Not Found", PLAIN)
    return [b"Not Found"]


@application.case
def read_again(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Reads the body, and again from its start where the input can seek."""
    stream = environ["wsgi.input"]
    first = stream.read(10)
    if hasattr(stream, "seek"):
        stream.seek(0)
        first = b""
    start_response("200 OK", PLAIN)
    return [first + stream.read() + stream.read()]


# END
