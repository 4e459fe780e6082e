"""Functions that say who may pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from narthex import Transaction


def may(t: Transaction) -> bool:
    """Whoever has the word, and whoever is Ada."""
    word = t.query.get("word", "")
    if word == "raises":
        raise LookupError("no list of words")
    if word == "nothing":
        return None  # type: ignore[return-value]
    if word == "abort":
        t.abort(403)
    return word == "sesame" or t.native.user == "ada"


async def may_later(t: Transaction) -> bool:
    """The same."""
    return may(t)


def check(t: Transaction, user: str, password: str) -> bool:
    """Anybody who says their own name twice."""
    return user == password
