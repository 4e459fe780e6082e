"""Excuses that several suites give."""

from __future__ import annotations

import pytest

from support.backends import Backend


def excuse(backend: Backend, fact: str) -> None:
    """Leaves out what remains of a case where its web server is known for `fact`."""
    if fact in backend.facts:
        pytest.skip(f"excused: {fact}: {backend.facts[fact]}")


ASCII_ONLY = pytest.mark.excused(
    has="lenient_parser", because="it closes on any byte not ASCII in a field"
)
"""For cases that send a field with bytes above ASCII."""

HALF = 70_000
"""Half of a body whose rest is sent when its response has begun.

More than HAProxy gathers before it passes a body on (`tune.bufsize`), and the whole is
less than a socket takes while nobody reads (fact `forgets_a_blocked_body`).
"""
