"""An application that says what its backend can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from narthex import Transaction


def application(t: Transaction) -> str:
    """Answers with the names of the backend's capabilities."""
    return "\n".join(sorted(t.backend.capabilities))
