"""Two applications, one for each API, that show what they see of a request."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

    from narthex import Transaction

# The server's own words, and those of which CGI has another idea than HTTP.
_OWN = {"SERVER_PORT", "HTTP_HOST", "HTTP_CONNECTION", "HTTP_TRANSFER_ENCODING"}
_SHOWN = {
    "REQUEST_METHOD",
    "REQUEST_URI",
    "RAW_URI",
    "SCRIPT_NAME",
    "PATH_INFO",
    "QUERY_STRING",
    "CONTENT_TYPE",
    "CONTENT_LENGTH",
    "SERVER_NAME",
    "SERVER_PROTOCOL",
    "REMOTE_ADDR",
    "wsgi.url_scheme",
}
FIELDS = [
    ("Content-Type", "application/json"),
    ("X-Twice", "1"),
    ("X-Latin", "caf\xe9"),
    ("X-Twice", "2"),
    ("X-Empty", ""),
]


def application(
    environ: dict[str, Any], start_response: StartResponse
) -> Iterable[bytes]:
    """Shows a WSGI application's view."""
    seen = {
        name: value
        for name, value in environ.items()
        if name in _SHOWN or (name.startswith("HTTP_") and name not in _OWN)
    }
    # An empty variable and an absent one mean the same (PEP 3333).
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        seen.setdefault(name, "")
    seen["input_terminated"] = environ["wsgi.input_terminated"]
    seen["body"] = environ["wsgi.input"].read().decode("latin-1")
    start_response(environ.get("HTTP_X_STATUS", "200 OK"), FIELDS)
    return [json.dumps(seen, sort_keys=True).encode()]


def respond(t: Transaction) -> bytes:
    """Shows a native application's view."""
    seen = {
        "method": t.method,
        "mount": t.mount,
        "path": t.path,
        "path_info": t.path_info,
        "raw_path": t.raw_path,
        "query": list(t.query.items()),
        "scheme": t.scheme,
        "fields": {
            name: t.headers.get(name)
            for name in ("x-many", "cookie", "authorization", "content-type", "x-latin")
        },
        "body": t.body.read().decode("latin-1"),
    }
    status, _, reason = (t.headers.get("x-status") or "200 OK").partition(" ")
    t.status, t.reason = int(status), reason
    for name, value in FIELDS:
        t.response.headers.add(name, value)
    return json.dumps(seen, sort_keys=True, default=latin).encode()


def latin(value: object) -> str:
    """Shows bytes, which JSON does not know."""
    return bytes(value).decode("latin-1") if isinstance(value, bytes) else repr(value)
