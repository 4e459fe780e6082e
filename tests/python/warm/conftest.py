"""Fixtures of warm CGI."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .driving import Residents

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def residents(tmp_path: Path) -> Iterator[Residents]:
    """Processes that stay, until the end of the test."""
    residents = Residents(tmp_path)
    yield residents
    residents.end()
