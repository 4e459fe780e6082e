"""Says who is there."""

from __future__ import annotations

from typing import Any


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answers with what the functions have left, and what they must not."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    names = ("REMOTE_USER", "AUTH_TYPE", "TEAM")
    shown = [f"{name}={environ.get(name)}" for name in names]
    left = [name for name in environ if name.startswith("NARTHEX_")]
    text = " ".join([*shown, f"left={left}"])
    return [text.encode("latin-1").decode("utf-8", "replace").encode()]
