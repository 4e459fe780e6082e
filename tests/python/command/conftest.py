"""Fixtures that start the command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from .running import APP, Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Starter(Protocol):
    def __call__(self, *words: str, env: dict[str, str] | None = None) -> Server: ...


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A directory with a WSGI application in ``app.py``."""
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


@pytest.fixture
def start(project: Path) -> Iterator[Starter]:
    """Starts the command in the project; ends it with the test."""
    started: list[Server] = []

    def starter(*words: str, env: dict[str, str] | None = None) -> Server:
        server = Server(*words, cwd=project, env=env)
        started.append(server)
        return server

    yield starter
    for server in started:
        server.close()
