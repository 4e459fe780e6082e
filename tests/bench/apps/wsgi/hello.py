"""The smallest useful WSGI application: 13 bytes, two headers."""

from __future__ import annotations

TYPE_CHECKING = (
    False  # to import `typing` takes longer than all else a CGI program does
)
if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

BODY = b"Hello, world!"
HEADERS = [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))]


def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Answers every request alike."""
    start_response("200 OK", HEADERS)
    return [BODY]
