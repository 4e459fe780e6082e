"""The smallest useful WSGI application: 13 bytes, two headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

BODY = b"Hello, world!"
HEADERS = [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))]


def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Answers every request alike."""
    start_response("200 OK", HEADERS)
    return [BODY]
