"""Running the command as a person does: as a process of its own."""

from __future__ import annotations

import http.client
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PATIENCE = 20.0
"""Seconds after which something that should have happened has not."""

APP = """\
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
"""


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """The environment without what steers the command."""
    steering = ("PORT", "GATEWAY_INTERFACE", "NO_COLOR", "VIRTUAL_ENV")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("NARTHEX_") and name not in steering
    }
    return {**kept, **(extra or {})}


def arguments(*words: str) -> list[str]:
    return [sys.executable, "-m", "narthex", *words]


def run(
    *words: str,
    cwd: Path,
    env: dict[str, str] | None = None,
    stdin: bytes = b"",
) -> subprocess.CompletedProcess[bytes]:
    """Runs the command to its end."""
    return subprocess.run(
        arguments(*words),
        cwd=cwd,
        env=environment(env),
        input=stdin,
        capture_output=True,
        timeout=PATIENCE * 2,
        check=False,
    )


class Server:
    """A started command and what it says on standard error."""

    def __init__(
        self,
        *words: str,
        cwd: Path,
        env: dict[str, str] | None = None,
        before: Sequence[str] = (),
    ) -> None:
        # Whoever runs the tests in the background may have had signals ignored, and
        # what is ignored stays so in every child.
        heard = ["env", "--default-signal=HUP,INT,QUIT"]
        self.process = subprocess.Popen(
            [*heard, *before, *arguments(*words)],
            cwd=cwd,
            env=environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.said: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.put(line.decode(errors="replace").rstrip("\n"))
        self._lines.put(None)

    def wait_for(self, pattern: str, patience: float = PATIENCE) -> re.Match[str]:
        """Reads until a line matches."""
        deadline = time.monotonic() + patience
        while True:
            try:
                line = self._lines.get(timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:
                line = None
            if line is None:
                said = "\n".join(self.said)
                raise AssertionError(f"no line matches {pattern!r}; it said:\n{said}")
            self.said.append(line)
            if match := re.search(pattern, line):
                return match

    def wait_for_port(self) -> int:
        return int(self.wait_for(r"listening on http://127\.0\.0\.1:(\d+)$")[1])

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        """Waits for the end and the last line."""
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        while (line := self._lines.get(timeout=PATIENCE)) is not None:
            self.said.append(line)
        return status

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


def get(
    port: int,
    target: str = "/",
    headers: dict[str, str] | None = None,
    patience: float = PATIENCE,
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=patience)
    try:
        connection.request("GET", target, headers=headers or {})
        response = connection.getresponse()
        fields = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, fields, response.read())
    finally:
        connection.close()


def process_is_there(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True
