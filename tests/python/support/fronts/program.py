"""Programs of other people that tests start in front of ours."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from support.log import Log

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PATIENCE = 30.0
# Debian keeps servers out of an ordinary user's PATH.
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


def find_program(name: str) -> str:
    """The path of a program; without it the test is skipped, and fails under CI."""
    found = shutil.which(name, path=PATH)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is not installed")
        pytest.skip(f"{name} is not installed")
    return found


class Port:
    """A port kept for a program that cannot choose one by itself.

    Bound without listening: the system gives it to nobody who asks for any port, and
    lets a program have it that names it and sets SO_REUSEADDR, as servers do.
    """

    def __init__(self) -> None:
        """Takes a port."""
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number = int(self._socket.getsockname()[1])

    def close(self) -> None:
        """Gives it back."""
        self._socket.close()


class Program:
    """A server of somebody else's, in the foreground; a context manager.

    Attributes:
        port: Where it listens.
        log: What it says on standard output and error.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        port: Port | int,
        folder: Path,
        *,
        log: Log | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Starts it in `folder` and waits until it listens on `port`."""
        self._kept = port if isinstance(port, Port) else None
        self.port = port.number if isinstance(port, Port) else port
        self.log = log or Log()
        self._name = str(command[0])
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(variables or {})},
            # httpd with mpm_prefork ends its whole group, which would be the tests'.
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self._reader = self.log.follow(self._process.stdout)
        try:
            self._wait_until_it_listens()
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """The process that was started."""
        return self._process.pid

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not accepts(self.port):
            ended = self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                said = "\n".join(self.log.since())
                raise AssertionError(f"{self._name} does not listen:\n{said}")
            time.sleep(0.005)

    def stop(self) -> None:
        """Ends it."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        finally:
            self._reader.join(timeout=5)
            if self._kept is not None:
                self._kept.close()

    def __enter__(self) -> Program:
        """Returns itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ends it."""
        self.stop()


def accepts(port: int) -> bool:
    """Whether somebody listens on `port`."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
