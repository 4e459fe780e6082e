"""A web server has put a listening socket in the place of the standard input.

That is how spawn-fcgi, mod_fcgid and lighttpd start a program (FastCGI specification,
2.2).
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from .running import PATIENCE, arguments, environment, get

_APP = """\
import os, stat, sys, time
from pathlib import Path

print("printed at import")

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/slow":
        Path("begun").touch()
        while not Path("go").exists():
            time.sleep(0.01)
        return [b"finished"]
    print("printed by a request")
    kinds = [stat.S_ISSOCK(os.fstat(number).st_mode) for number in range(3)]
    several = environ["wsgi.multiprocess"]
    return [f"{kinds} {sys.stdin.read()!r} {several}".encode()]
"""


class Child:
    """The command as such a web server starts it."""

    def __init__(self, directory: Path, *words: str) -> None:
        """Starts it with nothing but a listening socket."""
        (directory / "app.py").write_text(_APP)
        self.directory = directory
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port: int = listener.getsockname()[1]

            def close() -> None:
                os.close(1)
                os.close(2)

            command = arguments("serve", "app", "--error-log", "log", *words)
            self.process = subprocess.Popen(
                command,
                cwd=directory,
                env=environment(),
                stdin=listener.fileno(),
                preexec_fn=close,
            )


@contextmanager
def child(directory: Path, *words: str) -> Iterator[Child]:
    """Starts the command, and ends it."""
    started = Child(directory, *words)
    try:
        yield started
    finally:
        started.process.kill()
        started.process.wait(PATIENCE)


@pytest.mark.parametrize("words", [(), ("--workers", "2")])
def test_it_serves_and_leaves_nothing_of_it_to_the_application(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    with child(tmp_path, *words) as started:
        told = get(started.port).body
        assert told == b"[False, False, False] '' True"


@pytest.mark.parametrize("words", [(), ("--workers", "2")])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_it_finishes_what_runs_and_goes(
    tmp_path: Path, number: signal.Signals, words: tuple[str, ...]
) -> None:
    with child(tmp_path, *words) as started, ThreadPoolExecutor() as pool:
        slow = pool.submit(get, started.port, "/slow")
        while not (tmp_path / "begun").exists():
            assert started.process.poll() is None
        started.process.send_signal(number)
        # It would end at once if it did not finish what runs.
        with pytest.raises(subprocess.TimeoutExpired):
            started.process.wait(0.5)
        (tmp_path / "go").touch()
        assert slow.result(PATIENCE).body == b"finished"
        assert started.process.wait(PATIENCE) == 0
