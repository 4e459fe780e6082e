"""Where the program is that web servers start for CGI."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LAID = Path(__file__).parents[3] / "python/build/narthex.data/scripts/narthex-cgi"


def program() -> str:
    """The path of narthex-cgi: the one named, installed, or built last.

    Raises:
        AssertionError: There is none.
    """
    if named := os.environ.get("NARTHEX_CGI_PROGRAM"):
        return named
    for path in (Path(sys.executable).with_name("narthex-cgi"), _LAID):
        if path.exists():
            return str(path)
    raise AssertionError("no narthex-cgi: run python/build/narthex_build.py")


def options(words: Iterable[str]) -> list[str]:
    """Joins options with their values, as a line `#!` has to have them."""
    joined: list[str] = []
    for word in words:
        if joined and not word.startswith("-"):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def processes(runtime: Path) -> list[int]:
    """The processes that stay, and their forks, with sockets in this directory."""
    mark = f"--resident-socket={runtime}/".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if any(word.startswith(mark) for word in words):
            found.append(int(entry.parent.name))
    return found


def end(runtime: Path, patience: float) -> None:
    """Asks the processes that stay to end.

    Raises:
        AssertionError: They do not.
    """
    for pid in processes(runtime):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + patience
    while left := processes(runtime):
        if time.monotonic() > deadline:
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            raise AssertionError(f"{left} did not end")
        time.sleep(0.02)
