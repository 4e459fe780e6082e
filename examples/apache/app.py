"""An application as any other: that httpd runs it, it can see, and need not."""

from __future__ import annotations

from narthex import Transaction


def app(t: Transaction) -> str:
    """Says where it is."""
    user = t.query.get("who", "world")
    return f"Hello, {user}! This is {t.mount}{t.path_info}, over {t.backend.name}.\n"
