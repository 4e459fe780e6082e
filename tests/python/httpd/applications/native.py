"""Asks httpd for what only it has, by the path, and tells it some of that."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from narthex import Transaction


def app(t: Transaction) -> Any:
    """Answers as the path says."""
    host = t.native
    match t.path_info.split("/")[1:]:
        case ["tell"]:
            host.notes["suite"] = "a note"
            host.variables["suite"] = "a variable"  # type: ignore[index]
            host.user = "somebody"
            host.log("warning", "a word of the application")
            return "told"
        case ["redirect"]:
            host.redirect("/files/one.txt")
            return "not this"
        case ["late"]:
            t.response.status = 200
            return late(t)
        case ["lookup"]:
            return json.dumps([*host.lookup("/files/one.txt")])
        case ["missing"]:
            return json.dumps(host.lookup("/files/two.txt").exists)
        case ["file", path]:
            return host.send_file(f"{host.server['document_root']}/{path}")
        case ["tls", name]:
            return str(host.tls(name))
        case _:
            return json.dumps(
                {
                    "server": dict(host.server),
                    "request": dict(host.request),
                    "variables": dict(host.variables),
                }
            )


def late(t: Transaction) -> Any:
    """Wants to redirect when the response has begun."""
    yield b"begun "
    try:
        t.native.redirect("/files/one.txt")
    except RuntimeError as error:
        yield str(error).encode()
