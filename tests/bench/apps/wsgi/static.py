"""For the paths that are no files: there are none in this scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Finds nothing."""
    start_response("404 Not Found", [("Content-Length", "0")])
    return []
