"""Excuses that several suites give."""

from __future__ import annotations

import pytest

ASCII_ONLY = pytest.mark.excused(
    has="lenient_parser", because="it closes on any byte not ASCII in a field"
)
"""For cases that send a field with bytes above ASCII."""
