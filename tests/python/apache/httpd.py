"""What the tests of `narthex apache` have in common."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import narthex
from command.running import Server
from support.fronts.httpd import not_as_root

if TYPE_CHECKING:
    from collections.abc import Iterator

# A quote, a space, and what Apache takes for a variable if it is let to.
AWKWARD = 'my app\'s 100% $x "own"'
APP = """\
import os, sys, threading, time

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/slow":
        print("at it", file=environ["wsgi.errors"], flush=True)
        time.sleep(1)
    text = "|".join([
        environ["SCRIPT_NAME"], path, os.environ.get("SHOP", "-"), str(os.getpid()),
    ])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [text.encode()]
"""
# Processes of groups inherit nothing, and the package may not be installed.
PACKAGE = f"PYTHONPATH={Path(narthex.__file__).parents[1]}"


@contextmanager
def made_project(name: str = "") -> Iterator[Path]:
    """A directory with an application; not pytest's: paths of sockets are short."""
    folder = Path(tempfile.mkdtemp(prefix="narthex-"))
    try:
        project = folder / name
        project.mkdir(exist_ok=True)
        (project / "shop.py").write_text(APP)
        yield project
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def serving(project: Path, *words: str) -> Iterator[Server]:
    """Runs `narthex apache serve` on a free port, as somebody who is not root."""
    command = ("apache", "serve", "shop.py", "--bind", "127.0.0.1:0", *words)
    server = Server(*command, cwd=project, before=not_as_root())
    try:
        yield server
    finally:
        server.close()


def kind(process: str) -> list[str]:
    """The options for a place to run at."""
    return ["--inline"] if process == "inline" else ["--env", PACKAGE]


def descendants(parent: int) -> set[int]:
    """The processes below one."""
    found: set[int] = set()
    above = {parent}
    while above:
        above = {child for process in above for child in _children(process)} - found
        found |= above
    return found


def _children(process: int) -> list[int]:
    folder = Path(f"/proc/{process}/task")
    try:
        tasks = os.listdir(folder)
        return [
            int(word)
            for task in tasks
            for word in (folder / task / "children").read_text().split()
        ]
    except OSError:
        return []
