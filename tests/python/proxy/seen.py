"""Two applications, one for each API, that show whom they think they talk to."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from wsgiref.util import request_uri

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

    from narthex import Transaction

_FORWARDED = "forwarded", "x-forwarded-"


def application(
    environ: dict[str, Any], start_response: StartResponse
) -> Iterable[bytes]:
    """Shows what a WSGI application sees."""
    port = environ.get("REMOTE_PORT")
    fields = {
        name[5:].lower().replace("_", "-"): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    assert environ["wsgi.url_scheme"] == environ["REQUEST_SCHEME"]
    assert environ.get("HTTPS") == {"https": "on"}.get(environ["wsgi.url_scheme"])
    seen = {
        "client": [environ["REMOTE_ADDR"], int(port) if port else None],
        "scheme": environ["wsgi.url_scheme"],
        "server": [environ["SERVER_NAME"], int(environ["SERVER_PORT"])],
        "host": environ.get("HTTP_HOST"),
        "mount": environ["SCRIPT_NAME"],
        "path": environ["PATH_INFO"],
        "url": request_uri(environ),
        "fields": _forwarded(fields),
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(seen).encode()]


def respond(t: Transaction) -> bytes:
    """Shows what a native application sees."""
    seen = {
        "client": t.client or ["", None],
        "scheme": t.scheme,
        "server": t.server,
        "host": t.headers.get("host"),
        "mount": t.mount,
        "path": t.path_info,
        "url": t.url,
        "fields": _forwarded({name: t.headers[name] for name in t.headers}),
    }
    return json.dumps(seen).encode()


def _forwarded(fields: dict[str, str]) -> dict[str, str]:
    return {name: fields[name] for name in fields if name.startswith(_FORWARDED)}
