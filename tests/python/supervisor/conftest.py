"""Fixtures that start supervised servers."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from .supervised import APP, Supervised

if TYPE_CHECKING:
    from collections.abc import Iterator


class Starter(Protocol):
    def __call__(
        self,
        *words: str,
        env: dict[str, str] | None = None,
        ready: bool = True,
        named: bool = True,
    ) -> Supervised: ...


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A directory with an application that tells its process."""
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


@pytest.fixture
def runtime() -> Iterator[Path]:
    """A runtime directory, short enough for the names of sockets."""
    place = Path(tempfile.mkdtemp(prefix="nx-"))
    yield place / "run"
    shutil.rmtree(place)


@pytest.fixture
def start(project: Path, runtime: Path) -> Iterator[Starter]:
    """Starts servers in the project; ends them with the test."""
    started: list[Supervised] = []

    def starter(
        *words: str,
        env: dict[str, str] | None = None,
        ready: bool = True,
        named: bool = True,
    ) -> Supervised:
        settings = {"NARTHEX_RUNTIME_DIR": str(runtime), **(env or {})}
        name = ("--name", "shop") if named else ()
        server = Supervised(
            "serve",
            "app",
            "--bind",
            "127.0.0.1:0",
            *name,
            *words,
            cwd=project,
            env=settings,
        )
        started.append(server)
        if ready:
            server.become_ready()
        return server

    yield starter
    for server in started:
        server.close()
