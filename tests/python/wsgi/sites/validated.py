"""Applications behind `wsgiref.validate`, which judges the server."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING
from wsgiref.validate import WSGIWarning, validator

from support.cases import PLAIN, Cases, Environ

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

# What the validator only warns of is a fault too.
warnings.simplefilter("error", WSGIWarning)
application = Cases()


def show(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answers with path and body."""
    # The validator forbids a read without a size.
    body = b"".join(iter(lambda: environ["wsgi.input"].read(4096), b""))
    shown = {
        "path": environ["PATH_INFO"],
        "body": body.decode("latin-1"),
        "terminated": environ["wsgi.input_terminated"],
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(shown).encode()]


def lines(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Reads lines, and answers with a generator."""
    stream = environ["wsgi.input"]
    read = [stream.readline(), *stream.readlines(), *stream]
    environ["wsgi.errors"].write("read lines\n")
    environ["wsgi.errors"].flush()
    start_response("200 OK", PLAIN)
    return (line.upper() for line in read)


def writes(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Writes its body."""
    start_response("200 OK", PLAIN)(b"written ")
    return [b"and returned"]


def nothing(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answers 204."""
    start_response("204 No Content", [])
    return []


for _case in (show, lines, writes, nothing):
    application.named(_case.__name__, validator(_case))
