"""Fixtures of the tests of `narthex apache`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .httpd import made_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def project() -> Iterator[Path]:
    """A directory with an application in ``shop.py``."""
    with made_project() as project:
        yield project
