"""The least a handler of mod_python can do."""

from __future__ import annotations

from typing import Any

from mod_python import apache  # type: ignore[import-not-found]


def handler(request: Any) -> int:
    """Answers every request alike."""
    request.content_type = "text/plain"
    request.set_content_length(13)
    request.write("Hello, world!")
    return int(apache.OK)
