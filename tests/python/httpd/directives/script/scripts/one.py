"""A script: an application that is found by the name of its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from narthex import Transaction


def app(t: Transaction) -> str:
    """Answers with its place and the path below it."""
    return f"place={t.mount} path={t.path_info}"
