"""A CGI program that its web server ends has a time to finish, and then ends."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from support import stub
from support.fronts import lighttpd
from support.log import Log
from support.server import child_environment

from .running import PATIENCE, arguments, environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TIME = 0.5
"""Seconds: less than a program has, and more than a signal takes."""

PROGRAMS = {
    "cgi": lambda: arguments("cgi"),
    "cold": lambda: [stub.program(), "--mode=cold"],
}
programs = pytest.mark.parametrize("program", PROGRAMS)

SLEEPING = """\
import time
def app(environ, start_response):
    environ["wsgi.errors"].write("called\\n")
    time.sleep(600)
"""

# The end of the time would end it as well.
PATIENT = """\
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
"""


@contextmanager
def running(folder: Path, program: str, text: str) -> Iterator[subprocess.Popen[bytes]]:
    """Starts an application for one request, and waits until it is called."""
    (folder / "app.py").write_text(text)
    variables = {"REQUEST_METHOD": "GET", "SERVER_PROTOCOL": "HTTP/1.1"}
    variables |= {"GATEWAY_INTERFACE": "CGI/1.1", "NARTHEX_PYTHON": sys.executable}
    process = subprocess.Popen(
        [*PROGRAMS[program](), str(folder / "app.py")],
        env=environment(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stderr
        assert process.stderr.readline() == b"called\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@programs
def test_it_ends_after_a_time(tmp_path: Path, program: str) -> None:
    with running(tmp_path, program, SLEEPING) as process:
        process.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(TIME)
        assert process.wait(PATIENCE) == -signal.SIGTERM


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with running(tmp_path, "cgi", PATIENT + SLEEPING) as process:
        process.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(TIME)
        process.terminate()
        assert process.wait(PATIENCE) == -signal.SIGTERM


def test_it_ends_while_nobody_reads(tmp_path: Path) -> None:
    """The engine waits in a call of the system, and Python runs no handlers."""
    text = """\
def app(environ, start_response):
    environ["wsgi.errors"].write("called\\n")
    start_response("200 OK", [])
    return [bytes(10_000_000)]
"""
    with running(tmp_path, "cgi", text) as process:
        process.terminate()
        assert process.wait(PATIENCE) == -signal.SIGTERM


def test_what_it_forks_ends_at_once(tmp_path: Path) -> None:
    text = """\
import os, signal, time
def app(environ, start_response):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    child = os.fork()
    if not child:
        time.sleep(600)
    os.kill(child, signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    environ["wsgi.errors"].write("called\\n")
    start_response("200 OK", [])
    return [str(os.waitstatus_to_exitcode(status)).encode()]
"""
    with running(tmp_path, "cgi", text) as process:
        output, _ = process.communicate(timeout=PATIENCE)
        assert output.endswith(b"\r\n\r\n-15")


def test_a_handler_of_the_application_is_its_own(tmp_path: Path) -> None:
    text = """\
import signal, sys
def leave(*_):
    sys.stderr.write("left\\n")
    raise SystemExit
signal.signal(signal.SIGTERM, leave)
"""
    with running(tmp_path, "cgi", text + SLEEPING) as process:
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE)
        assert errors.startswith(b"left\n")


@programs
def test_lighttpd_lets_it_finish(tmp_path: Path, program: str) -> None:
    """It sends SIGTERM when it has the response, which is before this is closed."""
    app = tmp_path / "app.py"
    app.write_text("""\
import atexit, sys, time
class Body(list):
    def close(self):
        time.sleep(0.3)
        sys.stderr.write("closed\\n")
atexit.register(lambda: (time.sleep(0.3), sys.stderr.write("at exit\\n")))
def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    return Body([b"hello"])
""")
    script = tmp_path / "application.cgi"
    path = os.fsdecode(child_environment({})[b"PYTHONPATH"])
    lines = [
        "#!/bin/sh",
        f"export PYTHONPATH={shlex.quote(path)} NARTHEX_PYTHON={sys.executable}",
        f'exec {shlex.join(PROGRAMS[program]())} {app} "$@"',
    ]
    script.write_text("\n".join([*lines, ""]))
    script.chmod(0o755)
    log = Log()
    with lighttpd.cgi(tmp_path, script, "", log) as front:
        target = f"http://127.0.0.1:{front.port}/"
        with urllib.request.urlopen(target, timeout=PATIENCE) as response:
            assert response.read() == b"hello"
        log.wait_for("closed")
        log.wait_for("at exit")
