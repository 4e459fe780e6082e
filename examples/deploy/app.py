"""A WSGI application that says what it knows of a request, to see a proxy's part."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

SHOWN = ("REMOTE_ADDR", "wsgi.url_scheme", "HTTP_HOST", "SCRIPT_NAME", "PATH_INFO")


def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Answers with some of the environ, and the process that it runs in."""
    shown = {name: environ.get(name) for name in SHOWN} | {"process": os.getpid()}
    body = json.dumps(shown).encode()
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
    ]
    start_response("200 OK", headers)
    return [body]
