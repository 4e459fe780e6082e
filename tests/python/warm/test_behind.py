"""Behind web servers that start a program for each request."""

from __future__ import annotations

import shlex
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from command.running import PATIENCE
from support import stub
from support.client import Connection
from support.fronts import httpd, lighttpd
from support.log import Log
from support.messages import Request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.fronts.program import Program

    from .driving import Residents

APP = """\
import os
def app(environ, start_response):
    environ["wsgi.errors"].write("for the log of the web server\\n")
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode(), b" ", body]
"""


@pytest.mark.parametrize(
    "host", [lighttpd.cgi, httpd.cgid], ids=["lighttpd", "mod_cgid"]
)
def test_one_process_answers_all(
    residents: Residents,
    tmp_path: Path,
    host: Callable[[Path, Path, str, Log], Program],
) -> None:
    app = residents.script(APP)
    program = program_for(residents, tmp_path, str(app))
    log = Log()

    def ask(number: int) -> list[bytes]:
        body = f"{number}".encode() * number
        # A query without an equals sign becomes arguments (RFC 3875, 4.4).
        target = f"http://127.0.0.1:{front.port}/app/x?--mode=cold+-s"
        request = urllib.request.Request(target, body)
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            pid, echo = response.read().split(b" ")
        assert echo == body
        return [pid]

    with host(tmp_path, program, "/app", log) as front:
        with ThreadPoolExecutor(8) as pool:
            pids = {pid for (pid,) in pool.map(ask, range(1, 40))}
        assert len(pids) == 1
        log.wait_for("for the log of the web server", timeout=PATIENCE)
    # The web server has ended, and nobody holds its log.
    assert [str(pid).encode() for pid in residents.pids()] == list(pids)


def test_its_own_500_arrives_though_nobody_reads_the_body(
    residents: Residents, tmp_path: Path
) -> None:
    """mod_cgid has one socket for both: closed too early, it loses the response."""
    residents.variables["NARTHEX_PYTHON"] = "/nowhere/python"
    program = program_for(residents, tmp_path, str(residents.script(APP)))
    with httpd.cgid(tmp_path, program, "/app", Log()) as front:
        for size in [10_000, 100_000, 3_000_000]:
            with Connection(("127.0.0.1", front.port)) as connection:
                request = Request("POST", "/app", body=b"x" * size)
                response = connection.request(request)
                assert response.status == 500
                assert response.text == "Internal Server Error\n"


def program_for(residents: Residents, folder: Path, app: str) -> Path:
    """A script that has narthex-cgi answer for `app`."""
    # Web servers pass on no variables of ours; a file of its own may.
    program = folder / "application.cgi"
    names = ("NARTHEX_RUNTIME_DIR", "NARTHEX_PYTHON", "PYTHONPATH")
    lines = [
        f"export {name}={shlex.quote(residents.variables[name])}"
        for name in names
        if name in residents.variables
    ]
    lines.append(f'exec {stub.program()} {app} "$@"')
    program.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    program.chmod(0o755)
    return program
