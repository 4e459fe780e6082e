"""Servers of the application that holds requests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from command.running import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent


class Starter(Protocol):
    def __call__(
        self, *words: str, app: str = "held:wsgi", env: dict[str, str] | None = None
    ) -> tuple[Server, int]: ...


@pytest.fixture
def serve() -> Iterator[Starter]:
    """Starts servers, each a process that goes on after a deadline; with its port."""
    started: list[Server] = []

    def start(
        *words: str, app: str = "held:wsgi", env: dict[str, str] | None = None
    ) -> tuple[Server, int]:
        settings = ("--bind", "127.0.0.1:0", "--graceful-timeout", "1")
        alone = ("--supervise=false",)
        server = Server("run", app, *settings, *alone, *words, cwd=HERE, env=env)
        started.append(server)
        return server, server.wait_for_port()

    yield start
    for server in started:
        server.close()
