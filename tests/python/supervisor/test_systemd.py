"""What the service manager is told."""

from __future__ import annotations

import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from command.running import PATIENCE, get

from .supervised import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Starter


class Manager:
    """A socket as systemd has it."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(PATIENCE)
        self.name = address.replace("\0", "@")

    def wait_for(self, text: str) -> str:
        """Reads until a message has this line."""
        while True:
            message = self.socket.recv(4096).decode()
            if text in message.splitlines():
                return message

    def is_silent_for(self, seconds: float) -> bool:
        """Whether no sign of life comes, after what has come already."""
        self.socket.setblocking(False)
        try:
            while True:
                self.socket.recv(4096)
        except BlockingIOError:
            pass
        self.socket.settimeout(seconds)
        try:
            return "WATCHDOG=1" not in self.socket.recv(4096).decode()
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(PATIENCE)


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, runtime: Path) -> Iterator[Manager]:
    address = (
        f"{runtime.parent}/notify" if request.param == "path" else f"\0{runtime.parent}"
    )
    manager = Manager(address)
    yield manager
    manager.socket.close()


@pytest.mark.parametrize("words", [("--workers", "2"), ()])
def test_start_and_stop(
    start: Starter, manager: Manager, words: tuple[str, ...]
) -> None:
    server = start(*words, env={"NOTIFY_SOCKET": manager.name})
    assert "STATUS=" in manager.wait_for("READY=1")
    for worker in server.workers:
        environment = Path(f"/proc/{worker}/environ").read_bytes()
        assert b"NOTIFY_SOCKET" not in environment
    if words:
        server.send(signal.SIGHUP)
        assert "MONOTONIC_USEC=" in manager.wait_for("RELOADING=1")
        manager.wait_for("READY=1")
    server.send(signal.SIGTERM)
    manager.wait_for("STOPPING=1")
    assert server.wait() == 0


HOLDS = """\
import ctypes, sys
def app(environ, start_response):
    if environ["PATH_INFO"] == "/hold":
        print("held", file=sys.stderr, flush=True)
        ctypes.PyDLL(None).sleep(600)
    start_response("200 OK", [])
    return [b"x"]
"""


def test_a_process_that_hangs_gives_no_sign_of_life(
    project: Path, start: Starter, manager: Manager
) -> None:
    (project / "app.py").write_text(HOLDS)
    env = {"NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "600000"}
    server = start(env=env)
    for _ in range(3):
        manager.wait_for("WATCHDOG=1")
    with ThreadPoolExecutor() as pool:
        pool.submit(get, server.port, "/hold")
        server.wait_for("^held$")
        until(lambda: manager.is_silent_for(1.5))
        assert manager.is_silent_for(1.5)
        server.process.kill()


def test_a_parent_that_goes_round_does(start: Starter, manager: Manager) -> None:
    env = {"NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "400000"}
    server = start("--workers", "2", env=env)
    for _ in range(3):
        manager.wait_for("WATCHDOG=1")
    server.send(signal.SIGSTOP)
    until(lambda: manager.is_silent_for(1))
    server.send(signal.SIGCONT)
    begun = time.monotonic()
    manager.wait_for("WATCHDOG=1")
    assert time.monotonic() - begun < PATIENCE


def test_signs_of_life_do_not_reach_the_application(
    start: Starter, manager: Manager, tmp_path: Path
) -> None:
    log = tmp_path / "access.log"
    env = {"NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "200000"}
    start("--access-log", str(log), "--log-level", "info", env=env)
    for _ in range(5):
        manager.wait_for("WATCHDOG=1")
    assert log.read_bytes() == b""
