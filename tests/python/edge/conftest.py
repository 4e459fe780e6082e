"""Fixtures that start a server whose edge is tested."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from command.running import Server

from .certificates import Authority, Pair

if TYPE_CHECKING:
    from collections.abc import Iterator

SITE = Path(__file__).with_name("site.py")


class Starter(Protocol):
    def __call__(self, *words: str, application: str = "app") -> Server: ...


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    """Starts the command with the site; ends it with the test."""
    started: list[Server] = []

    def starter(*words: str, application: str = "app") -> Server:
        address = () if "--bind" in words else ("--bind", "127.0.0.1:0")
        command = ("serve", f"{SITE}:{application}", *address, *words)
        server = Server(*command, cwd=tmp_path)
        started.append(server)
        return server

    yield starter
    for server in started:
        server.close()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Signs the certificates of this run."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def pair(authority: Authority) -> Pair:
    """The certificate of localhost."""
    return authority.issue("localhost")
