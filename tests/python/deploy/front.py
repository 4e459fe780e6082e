"""Programs that stand in front of servers, with the files that users are given."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from command.running import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

DEPLOY = Path(__file__).resolve().parents[3] / "examples" / "deploy"
# Debian keeps servers out of an ordinary user's PATH.
PATH = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/usr/local/sbin"])


def program(name: str) -> str:
    """The path of a program; without it the test is skipped, and fails under CI."""
    found = shutil.which(name, path=PATH)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is not installed")
        pytest.skip(f"{name} is not installed")
    return found


def free_port() -> int:
    """A port on which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def filled_in(path: Path, values: Mapping[str, str]) -> str:
    """A file with its addresses replaced, each of which must be there."""
    text = path.read_text()
    for written, wanted in values.items():
        assert written in text, f"{path} has no {written!r} any more"
        text = text.replace(written, wanted)
    return text


@contextmanager
def running(
    command: Sequence[str], port: int, folder: Path, **variables: str
) -> Iterator[None]:
    """Runs a program in the foreground, from when it listens on `port`."""
    log = folder / "front.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **variables},
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not accepts(port):
            ended = process.poll() is not None
            if ended or time.monotonic() > deadline:
                pytest.fail(f"{command[0]} does not listen:\n{log.read_text()}")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def accepts(port: int) -> bool:
    """Whether somebody listens on `port`."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
