"""The site that most tests ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from . import programs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that no test changes."""
    return programs.build(tmp_path_factory.mktemp("cgi"))


@pytest.fixture(scope="session")
def site(folder: Path) -> Iterator[programs.Site]:
    """Programs beside an application."""
    with programs.serving(
        folder, "--cgi-env=LANG=C.UTF-8", "--static=/files=.", app=["app.py"]
    ) as running:
        yield running
