"""The smallest useful application of the native API: 13 bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from narthex import Transaction

BODY = "Hello, world!"


def app(transaction: Transaction) -> str:
    """Answers every request alike."""
    return BODY
