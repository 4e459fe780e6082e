"""Uploads of any size in flat memory: the body is hashed while it arrives."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from narthex import Transaction


def app(t: Transaction) -> dict[str, object]:
    """Answers with the size and the SHA-256 of what was sent."""
    if t.method not in ("POST", "PUT"):
        t.abort(405, "send something: curl --data-binary @FILE\n")
    digest = hashlib.sha256()
    size = 0
    for piece in t.body:
        digest.update(piece)
        size += len(piece)
    return {"bytes": size, "sha256": digest.hexdigest()}
