"""Lets pass whoever has the word."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from narthex import Transaction


def may(t: Transaction) -> bool:
    """Whether the request has it."""
    return t.query.get("word") == "sesame"
