"""Says where it is called, and for what."""

from __future__ import annotations

from typing import Any


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answers with its place and the path below it."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    text = f"place={environ['SCRIPT_NAME']} path={environ['PATH_INFO']}"
    return [text.encode()]
