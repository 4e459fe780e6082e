"""Requests as a web server makes them: narthex-cgi as a child, and what it starts."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from command.running import PATIENCE
from support import stub

if TYPE_CHECKING:
    from collections.abc import Callable

REQUEST = {
    "GATEWAY_INTERFACE": "CGI/1.1",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "80",
    "REMOTE_ADDR": "127.0.0.1",
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "/app",
    "PATH_INFO": "/",
    "QUERY_STRING": "",
    "HTTP_HOST": "localhost",
    "HTTP_PROXY": "http://evil.example",
}


class Answer(NamedTuple):
    """What the web server got from its child."""

    status: int
    head: str
    body: bytes
    errors: str
    code: int


class Residents:
    """The processes that stay, in a directory of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Paths of sockets are short.
        self.runtime = Path(tempfile.mkdtemp(prefix="narthex-"))
        self.variables = {
            **{k: v for k, v in os.environ.items() if not k.startswith("NARTHEX_")},
            "NARTHEX_RUNTIME_DIR": str(self.runtime),
            "NARTHEX_PYTHON": sys.executable,
        }

    def script(self, text: str, name: str = "app.py") -> Path:
        """Writes an application."""
        path = self.folder / name
        path.write_text(text)
        return path

    def start(
        self, *words: str | Path, stdin: int = subprocess.DEVNULL, **variables: str
    ) -> subprocess.Popen[bytes]:
        """Starts narthex-cgi for a request."""
        return subprocess.Popen(
            [stub.program(), *map(str, words)],
            env={**self.variables, **REQUEST, **variables},
            cwd=self.folder,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def ask(self, *words: str | Path, body: bytes = b"", **variables: str) -> Answer:
        """Makes a request and takes all of its answer."""
        if body:
            variables = {"CONTENT_LENGTH": str(len(body)), **variables}
        child = self.start(*words, stdin=subprocess.PIPE, **variables)
        return finished(child, body)

    def pids(self) -> list[int]:
        """The processes that stay, and their forks."""
        return stub.processes(self.runtime)

    def sockets(self) -> list[Path]:
        """What they listen on."""
        return sorted(self.runtime.glob("*.cgi"))

    def end(self) -> None:
        """Ends what is left."""
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.runtime)


def finished(child: subprocess.Popen[bytes], body: bytes = b"") -> Answer:
    """Takes all of an answer."""
    try:
        output, errors = child.communicate(body, timeout=PATIENCE * 2)
    except subprocess.TimeoutExpired:
        child.kill()
        raise
    head, _, rest = output.partition(b"\r\n\r\n")
    found = re.match(rb"Status: ([0-9]{3})", head)
    status = int(found[1]) if found else 0
    return Answer(status, head.decode(), rest, errors.decode(), child.returncode)


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Waits until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.02)


def descriptors(pid: int) -> set[str]:
    """What a process has open."""
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            found.add(str(entry.readlink()))
    return found
