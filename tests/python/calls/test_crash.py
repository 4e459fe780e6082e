"""A crash leaves the stacks of the process that it ends in the log."""

from __future__ import annotations

import http.client
import signal
from typing import TYPE_CHECKING

import pytest

from command.running import get

if TYPE_CHECKING:
    from .conftest import Starter


@pytest.mark.parametrize(
    "env", [{}, {"PYTHONFAULTHANDLER": "1"}, {"PYTHONDEVMODE": "1"}]
)
def test_a_crash_shows_the_stack_once(serve: Starter, env: dict[str, str]) -> None:
    server, port = serve(env=env)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        get(port, "/crash")
    assert server.wait() == -signal.SIGSEGV
    said = "\n".join(server.said)
    assert said.count("Fatal Python error: Segmentation fault") == 1
    assert said.count(" in crash\n") == 1
