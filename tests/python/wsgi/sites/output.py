"""Applications that treat standard output as their own."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from support.cases import PLAIN, Cases, Environ

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

print("printed while importing")
os.write(1, b"written while importing\n")
application = Cases()


def respond(start_response: StartResponse) -> Iterable[bytes]:
    """Answers as if nothing had happened."""
    start_response("200 OK", PLAIN)
    return [b"untouched"]


@application.case
def prints(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Prints, flushed and not."""
    print("Status: 500 Printed\r\n\r\nnoise", flush=True)
    print("noise that waits in a buffer")
    return respond(start_response)


@application.case
def prints_in_body(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Prints between the pieces of its body."""
    start_response("200 OK", PLAIN)
    for piece in (b"un", b"touched"):
        print("noise", flush=True)
        yield piece
    print("noise", flush=True)


@application.case
def writes_to_descriptor(
    environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Writes to descriptor 1."""
    os.write(1, b"Status: 500 Written\r\n\r\nnoise\n")
    return respond(start_response)


@application.case
def writes_to_stderr(
    environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Writes to standard error."""
    print("to the log", file=sys.stderr, flush=True)
    return respond(start_response)


@application.case
def shell_writes(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Has a program write to the descriptor that it inherits."""
    os.system("echo noise")
    return respond(start_response)


@application.case
def reads_stdin(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Reads standard input, which is not the request's body."""
    assert sys.stdin is None or sys.stdin.read() == ""
    start_response("200 OK", PLAIN)
    return [environ["wsgi.input"].read()]


@application.case
def reassigns(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Puts something else in the place of standard output."""
    sys.stdout = io.StringIO()
    print("noise")
    return respond(start_response)


@application.case
def reassigns_to_log(
    environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Puts the error stream in the place of standard output."""
    sys.stdout = environ["wsgi.errors"]
    print("noise")
    return respond(start_response)


@application.case
def removes(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Takes the standard streams away."""
    sys.stdout = sys.stderr = sys.stdin = None
    print("noise")
    return respond(start_response)


@application.case
def closes(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Closes standard output and its descriptor."""
    for stream in (sys.stdout, sys.__stdout__):
        if stream is not None and not stream.closed:
            stream.close()
    return respond(start_response)


@application.case
def fails_afterwards(
    environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Fails when there is nowhere left to say so."""
    sys.stdout = sys.stderr = None
    raise RuntimeError("said nowhere")
