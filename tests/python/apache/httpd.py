"""What the tests of `narthex apache` have in common."""

from __future__ import annotations

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
FREE = ("--bind", "127.0.0.1:0")
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
    bind = () if "--bind" in words else FREE
    command = ("apache", "serve", "shop.py", *bind, *words)
    server = Server(*command, cwd=project, before=not_as_root())
    try:
        yield server
    finally:
        server.close()


def kind(process: str) -> list[str]:
    """The options for a place to run at."""
    return ["--inline"] if process == "inline" else []
