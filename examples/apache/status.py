"""A WSGI application that is small enough to run inside httpd itself."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Says which Python this is."""
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    version = sys.version.split()[0]
    return [f"Python {version} in process {os.getpid()}\n".encode()]
