"""Hello in the native API: take a transaction, return what to send."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from narthex import Transaction


def app(t: Transaction) -> str:
    """Greets the `who` of the query: /?who=you."""
    return f"Hello, {t.query.get('who', 'world')}!\n"
