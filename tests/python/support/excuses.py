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
