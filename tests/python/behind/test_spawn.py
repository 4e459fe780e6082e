"""spawn-fcgi starts the application, and a signal ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from behind import site
from support import cgi
from support.fronts.program import PATIENCE, Port, find_program
from support.gateway import FastCGI
from support.messages import Request, Response
from support.server import child_environment, python_command

if TYPE_CHECKING:
    from pathlib import Path


def ask(port: int, target: str) -> Response:
    """Asks as a web server does."""
    request = Request(target=target)
    return FastCGI(port, cgi.variables(request, ""), request).response()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_it_finishes_what_runs_and_goes(tmp_path: Path, number: signal.Signals) -> None:
    """A request that runs is answered, then the process ends well."""
    port = Port()
    command = python_command("run", f"{site.__file__}:application", "--no-debug")
    command += ["--backend", "fastcgi", "--api", "wsgi"]
    process = subprocess.Popen(
        # -n: it becomes the application instead of leaving it behind.
        [
            *(find_program("spawn-fcgi"), "-n", "-a", "127.0.0.1"),
            *("-p", str(port.number), "--", *command),
        ],
        env=child_environment({}),
    )
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                assert len(ask(port.number, "/?65536").body) == 65536
                break
            except ConnectionRefusedError:
                assert process.poll() is None
                assert time.monotonic() < deadline
        with ThreadPoolExecutor() as pool:
            slow = pool.submit(ask, port.number, f"/wait?{tmp_path}")
            while not (tmp_path / "begun").exists():
                assert process.poll() is None
            os.kill(process.pid, number)
            # It would end at once if it did not finish what runs.
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.5)
            (tmp_path / "go").touch()
            assert slow.result(PATIENCE).text == "finished"
            assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        port.close()
