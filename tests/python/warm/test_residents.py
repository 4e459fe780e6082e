"""The process that stays: when it is started, when it ends, what a crash costs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from command.running import PATIENCE
from support import stub

from .driving import REQUEST, finished, wait_until

if TYPE_CHECKING:
    from .driving import Residents

APP = """\
import os, time
with open("imports", "a") as file:
    file.write("x")
count = 0
def app(environ, start_response):
    global count
    count += 1
    path = environ["PATH_INFO"]
    if path == "/crash":
        os._exit(3)
    if path == "/kill":
        os.kill(os.getpid(), 9)
    start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/late":
        return late()
    if path == "/wait":
        open("waiting", "w").close()
        while not os.path.exists("go"):
            time.sleep(0.01)
    return [f"{os.getpid()} {count}".encode()]
def late():
    yield b"begun"
    os._exit(3)
"""


def test_concurrent_first_requests_start_one(residents: Residents) -> None:
    app = residents.script(APP)
    children = [residents.start(app) for _ in range(20)]
    answers = [finished(child) for child in children]
    assert [answer.status for answer in answers] == [200] * 20
    assert len({answer.body.split()[0] for answer in answers}) == 1
    assert sorted(int(answer.body.split()[1]) for answer in answers)[-1] == 20
    assert (residents.folder / "imports").read_text() == "x"
    assert len(residents.pids()) == 1


def test_an_edited_script_restarts(residents: Residents) -> None:
    app = residents.script(APP)
    old = int(residents.ask(app).body.split()[0])
    app.write_text(APP.replace('f"{os.getpid()} {count}"', 'f"{os.getpid()} edited"'))
    new, word = residents.ask(app).body.split()
    assert word == b"edited"
    assert int(new) != old
    wait_until(lambda: residents.pids() == [int(new)], "the old process ends")
    assert len(residents.sockets()) == 1


def test_settings_beside_the_script_restart(residents: Residents) -> None:
    app = residents.script(
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [])\n    return [b'']\n"
    )
    assert residents.ask(app).status == 200
    (residents.folder / "narthex.toml").write_text("limit-body = 3\n")
    assert residents.ask(app, body=b"four").status == 413


@pytest.mark.parametrize("path", ["/crash", "/kill"])
@pytest.mark.parametrize("mode", ["warm", "fork"])
def test_a_crash_costs_one_request(residents: Residents, mode: str, path: str) -> None:
    app = residents.script(APP)
    crashed = residents.ask(f"--mode={mode}", app, PATH_INFO=path)
    assert (crashed.status, crashed.code) == (500, 1)
    assert crashed.body == b"Internal Server Error\n"
    assert "narthex-cgi: error N287:" in crashed.errors
    assert residents.ask(f"--mode={mode}", app).status == 200


def test_a_crash_amid_a_response_adds_nothing(residents: Residents) -> None:
    crashed = residents.ask(residents.script(APP), PATH_INFO="/late")
    assert (crashed.status, crashed.body, crashed.code) == (200, b"begun", 1)
    assert "N287" in crashed.errors


def test_a_process_killed_while_idle_costs_nothing(residents: Residents) -> None:
    app = residents.script(APP)
    first = int(residents.ask(app).body.split()[0])
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: residents.pids() == [], "it ends")
    second = residents.ask(app)
    assert second.status == 200
    assert int(second.body.split()[0]) != first
    assert len(residents.sockets()) == 1


@pytest.mark.parametrize("mode", ["warm", "fork"])
def test_it_ends_when_idle(residents: Residents, mode: str) -> None:
    app = residents.script(APP)
    options = (f"--mode={mode}", "--idle=0.5")
    assert residents.ask(*options, app).status == 200
    wait_until(lambda: residents.pids() == [], "an idle process ends")
    assert residents.sockets() == []
    assert residents.ask(*options, app).status == 200


def test_sigterm_finishes_running_requests(residents: Residents) -> None:
    app = residents.script(APP)
    pid = int(residents.ask(app).body.split()[0])
    running = residents.start(app, PATH_INFO="/wait")
    wait_until((residents.folder / "waiting").exists, "the request runs")
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: residents.sockets() == [], "it takes no more")
    following = residents.ask(app)
    assert following.status == 200
    assert int(following.body.split()[0]) != pid
    (residents.folder / "go").touch()
    answer = finished(running)
    assert (answer.status, int(answer.body.split()[0])) == (200, pid)
    wait_until(lambda: pid not in residents.pids(), "it ends")


def test_no_more_than_so_many_at_once(residents: Residents) -> None:
    app = residents.script(APP)
    options = ("--mode=fork", "--concurrency=1")
    running = residents.start(*options, app, PATH_INFO="/wait")
    wait_until((residents.folder / "waiting").exists, "the first request runs")
    second = residents.start(*options, app)
    with pytest.raises(subprocess.TimeoutExpired):
        second.wait(0.3)
    (residents.folder / "go").touch()
    assert finished(running).status == finished(second).status == 200


@pytest.mark.parametrize("mode", ["warm", "fork"])
def test_an_application_that_does_not_start(residents: Residents, mode: str) -> None:
    app = residents.script("import no_such_module\n")
    broken = residents.ask(f"--mode={mode}", app)
    assert (broken.status, broken.code) == (500, 1)
    assert "imports 'no_such_module', which is not installed" in broken.errors
    assert "Fix:" in broken.errors
    app.write_text(APP)
    assert residents.ask(f"--mode={mode}", app).status == 200


def test_a_python_that_does_not_start(residents: Residents) -> None:
    app = residents.script(APP)
    broken = residents.ask(app, NARTHEX_PYTHON="/no/python")
    assert broken.status == 500
    assert "error N286: /no/python cannot be started" in broken.errors
    false = residents.script("#!/bin/sh\necho broken >&2; exit 1\n", "python")
    false.chmod(0o755)
    broken = residents.ask(app, NARTHEX_PYTHON=str(false))
    assert broken.status == 500
    assert "broken\nnarthex-cgi: error N290:" in broken.errors


def test_the_command_hands_over(residents: Residents) -> None:
    app = residents.script(APP)
    command = [sys.executable, "-m", "narthex", "cgi", "--warm", str(app)]
    child = subprocess.Popen(
        command,
        env={
            **residents.variables,
            **REQUEST,
            "NARTHEX_CGI_PROGRAM": stub.program(),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=residents.folder,
    )
    assert finished(child).status == 200
    assert len(residents.pids()) == 1


def test_as_the_interpreter_of_a_script(residents: Residents) -> None:
    app = residents.script(f"#!{stub.program()} --mode=fork --idle=9\n{APP}", "app")
    app.chmod(0o755)
    child = subprocess.Popen(
        [str(app), "-x", "--mode=cold"],  # as web servers pass a query
        env={**residents.variables, **REQUEST},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=residents.folder,
    )
    answer = finished(child)
    assert answer.status == 200, answer.errors
    assert len(residents.pids()) == 1
    assert residents.pids() != [int(answer.body.split()[0])]


def test_without_a_request_it_explains_itself() -> None:
    for word in ("--help", "--version"):
        ended = subprocess.run(
            [stub.program(), word], capture_output=True, timeout=PATIENCE, check=True
        )
        assert ended.stdout.startswith(b"narthex-cgi")
    ended = subprocess.run([stub.program()], capture_output=True, timeout=PATIENCE)
    assert ended.returncode == 1
    assert b"error N293" in ended.stderr
    assert ended.stdout == b""
