"""Applications that read `wsgi.input` in every way there is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from support.cases import PLAIN, Cases, Environ, log, read_to_end

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

application = Cases()


@application.case
def script(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Calls what `X-Script` lists, and answers with what each call returned."""
    stream = environ["wsgi.input"]
    results: list[Any] = []
    for name, *arguments in json.loads(environ["HTTP_X_SCRIPT"]):
        if name == "iterate":
            result: Any = list(stream)
        elif name == "next":
            result = next(stream if hasattr(stream, "__next__") else iter(stream))
        else:
            result = getattr(stream, name)(*arguments)
        if isinstance(result, bytes):
            result = result.decode("latin-1")
        else:
            result = [line.decode("latin-1") for line in result]
        results.append(result)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(results).encode()]


@application.case
def digest(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Reads pieces of the size in the query; answers with length and digest."""
    size = int(environ["QUERY_STRING"])
    known, length = hashlib.sha256(), 0
    while piece := environ["wsgi.input"].read(size):
        assert len(piece) <= size
        known.update(piece)
        length += len(piece)
    start_response("200 OK", PLAIN)
    return [f"{length} {known.hexdigest()}".encode()]


@application.case
def first_then_rest(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Says in the log that it has read a first part, then reads the rest."""
    first = environ["wsgi.input"].read(int(environ["QUERY_STRING"]))
    log(environ, f"read {len(first)} {environ['HTTP_X_TOKEN']}")
    rest = read_to_end(environ)
    start_response("200 OK", PLAIN)
    return [f"{len(first)} {len(rest)}".encode()]


@application.case
def unread(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Leaves the body where it is."""
    start_response("200 OK", PLAIN)
    return [b"unread"]


@application.case
def partly_read(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Reads three bytes of the body."""
    start_response("200 OK", PLAIN)
    return [environ["wsgi.input"].read(3)]


@application.case
def read_while_sending(
    environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Sends each piece of the body back as it is read."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return iter(lambda: environ["wsgi.input"].read(8192), b"")


@application.case
def short(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Says in the log how reading the body ended."""
    try:
        body = read_to_end(environ)
    except OSError:
        log(environ, f"OSError {environ['HTTP_X_TOKEN']}")
        raise
    log(environ, f"whole {len(body)} {environ['HTTP_X_TOKEN']}")
    start_response("200 OK", PLAIN)
    return [b"whole"]
