"""Sockets that a service manager has opened (`sd_listen_fds(3)`)."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from command.running import APP, arguments, environment, get
from proxy import launch
from proxy.test_sockets import get_unix
from support.log import Log

_SHOWN = """
import os, subprocess, sys
left = [name for name in os.environ if name.startswith("LISTEN_")]
look = "ls -l /proc/self/fd"
child = subprocess.run(look.split(), close_fds=False, capture_output=True)
sockets = child.stdout.count(b"socket:")
print("variables", left, "sockets", sockets, file=sys.stderr, flush=True)
"""


class Activated:
    """The command, started with sockets from descriptor 3 on."""

    def __init__(
        self, directory: Path, sockets: list[socket.socket], command: list[str]
    ) -> None:
        """Starts `command`, which inherits `sockets` in this order."""

        def place() -> None:
            # Each out of the way first: the numbers may overlap.
            copies = [os.dup2(it.fileno(), 100 + n) for n, it in enumerate(sockets)]
            for number, copy in enumerate(copies, start=3):
                os.dup2(copy, number)
                os.close(copy)

        self.log = Log()
        self.process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            close_fds=False,
            preexec_fn=place,
        )
        assert self.process.stderr is not None
        self._reader = self.log.follow(self.process.stderr)

    def end(self) -> int:
        """Stops it; returns its status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        finally:
            self.process.kill()
            self._reader.join(10)


@contextmanager
def activated(
    directory: Path, sockets: list[socket.socket], *words: str
) -> Iterator[Activated]:
    """Starts the command with `sockets`, and ends it."""
    names = ":".join(f"name{number}" for number in range(len(sockets)))
    launcher = [sys.executable, launch.__file__, str(len(sockets)), names]
    started = Activated(directory, sockets, [*launcher, *arguments(*words)])
    try:
        yield started
    finally:
        started.end()


def tcp() -> socket.socket:
    """A listening socket on a free port."""
    return socket.create_server(("127.0.0.1", 0))


@pytest.mark.parametrize("reload", [False, True], ids=["", "reload"])
def test_all_sockets_are_served(project: Path, reload: bool) -> None:
    (project / "app.py").write_text(APP + _SHOWN)
    path = str(project / "socket")
    local = socket.socket(socket.AF_UNIX)
    local.bind(path)
    local.listen()
    with closing(tcp()) as first, closing(tcp()) as second, closing(local):
        ports = [it.getsockname()[1] for it in (first, second)]
        options = ["--explain", *(["--reload"] if reload else [])]
        with activated(
            project, [first, local, second], "run", "app", *options
        ) as server:
            for port in ports:
                server.log.wait_for(rf"listening on http://127\.0\.0\.1:{port}$")
                assert get(port).body == b"hello"
            assert get_unix(path).endswith(b"hello")
            server.log.wait_for(r"variables \[\] sockets \d")
            if not reload:  # whose child reports by a socket
                server.log.wait_for(r"variables \[\] sockets 0")
                server.log.wait_for("backend hyper: a service manager has opened")
            assert server.end() == 0
    # Who made it may still use it.
    assert Path(path).exists()


def test_an_address_that_was_given_is_preferred(project: Path) -> None:
    with (
        closing(tcp()) as passed,
        activated(project, [passed], "serve", "app", "--bind=127.0.0.1:0") as server,
    ):
        found = server.log.wait_for(r"listening on http://127\.0\.0\.1:(\d+)$")
        assert int(found[1]) != passed.getsockname()[1]
        assert server.end() == 0


def test_one_of_them_by_number(project: Path) -> None:
    with (
        closing(tcp()) as first,
        closing(tcp()) as second,
        activated(project, [first, second], "serve", "app", "--bind=fd://4") as server,
    ):
        port = second.getsockname()[1]
        server.log.wait_for(rf"listening on http://127\.0\.0\.1:{port}$")
        assert get(port).body == b"hello"


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (socket.SOCK_DGRAM, "the socket is for datagrams"),
        (socket.SOCK_STREAM, "the socket does not listen"),
    ],
)
def test_what_cannot_be_served_is_told(
    project: Path, kind: socket.SocketKind, told: str
) -> None:
    with closing(socket.socket(socket.AF_INET, kind)) as passed:
        passed.bind(("127.0.0.1", 0))
        with activated(project, [passed], "serve", "app") as server:
            server.log.wait_for("N205", while_open=True)
            server.log.wait_for(told, while_open=True)
            assert server.process.wait(30) == 1


# A container has no systemd; the launcher above does the same.
if (_PROGRAM := shutil.which("systemd-socket-activate")) is not None:

    def test_by_systemd_itself(project: Path) -> None:
        path = project / "socket"
        command = [str(_PROGRAM), "-l", str(path)]
        for name in ("PATH", "PYTHONPATH"):  # all others it keeps to itself
            command += ["-E", f"{name}={os.environ.get(name, '')}"]
        command += arguments("run", "app", "--explain")
        server = Activated(project, [], command)
        try:
            server.log.wait_for("Listening on", while_open=True)
            assert get_unix(str(path)).endswith(b"hello")
            server.log.wait_for("a service manager has opened its sockets")
            assert server.end() == 0
        finally:
            server.end()
