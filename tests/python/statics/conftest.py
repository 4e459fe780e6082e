"""The site that most tests ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from . import site as sites

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that no test changes."""
    return sites.build(tmp_path_factory.mktemp("statics"))


@pytest.fixture(scope="session")
def site(folder: Path) -> Iterator[sites.Asked]:
    """The folder's files below `/static`."""
    asked = sites.serve(
        folder,
        "--static=/static=public",
        "--static=/static/docs/deep=public/docs",
        "--static-cache=/static=3600",
        "--static-header=/static: X-Frame-Options: DENY",
        "--static-header=/static: Link: </a>; rel=a",
        "--static-header=/static: Link: </b>; rel=b",
    )
    yield asked
    asked.server.close()


@pytest.fixture(scope="session")
def root(folder: Path) -> Iterator[sites.Asked]:
    """The folder's files before an application that has all paths."""
    asked = sites.serve(folder, "--static=/=public")
    yield asked
    asked.server.close()
