#!/usr/bin/env -S narthex run
"""One file, two lives: run it and it serves HTTP; in a cgi-bin folder it is CGI."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from narthex import Transaction


def app(t: Transaction) -> str:
    """Says which backend carried the request."""
    return f"Hello over {t.backend.name}!\n"
