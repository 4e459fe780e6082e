"""An application of one of many directories."""

from __future__ import annotations

from typing import Any


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answers with its place."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"two at {environ['SCRIPT_NAME']}".encode()]
