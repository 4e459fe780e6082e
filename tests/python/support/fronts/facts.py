"""What web servers themselves make of requests and responses, before or after us."""

from __future__ import annotations

from typing import NamedTuple


class Fact(NamedTuple):
    """Something that a front does and that a case behind it cannot pass for.

    Attributes:
        sentence: What it does, as a reason to leave a case out.
        fronts: The entries of `BACKENDS` that do it.
        seen: How that was seen.
    """

    sentence: str
    fronts: frozenset[str]
    seen: str


FACTS: dict[str, Fact] = {}
