"""The smallest useful application of the native API: 13 bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from narthex import Transaction

BODY = b"Hello, world!"


def app(transaction: Transaction) -> bytes:
    """Answers every request alike."""
    transaction.content_type = "text/plain"
    return BODY
