"""Fixtures that start brokers."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

import narthex
from supervisor.supervised import APP

from .brokered import Broker, How

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .brokered import Groups


class Starter(Protocol):
    def __call__(
        self, groups: Groups, how: How | None = None, folder: Path | None = None
    ) -> Broker: ...


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A directory with an application that tells its process."""
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


@pytest.fixture
def app(project: Path) -> str:
    """The application, as the broker is asked for it."""
    return f"{project}/app.py:app"


@pytest.fixture
def shop(project: Path) -> dict[str, Any]:
    """The settings of a group that runs applications in this Python."""
    where = Path(narthex.__file__).parents[1]
    return {
        "python": sys.executable,
        "chdir": project,
        "env": [f"PYTHONPATH={where}"],
        "graceful": 20,
    }


@pytest.fixture
def start() -> Iterator[Starter]:
    """Starts brokers; ends them with the test."""
    started: list[Broker] = []
    folders: list[Path] = []

    def starter(
        groups: Groups, how: How | None = None, folder: Path | None = None
    ) -> Broker:
        if folder is None:
            # Short enough for the names of sockets.
            folder = Path(tempfile.mkdtemp(prefix="nxb-"))
            folder.chmod(0o755)
            folders.append(folder)
        broker = Broker(folder, groups, how)
        started.append(broker)
        return broker

    yield starter
    for broker in started:
        broker.stop()
    for folder in folders:
        shutil.rmtree(folder)
