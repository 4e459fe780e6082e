"""Servers made ready behind nginx and as programs, and ended with all they started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import measure
from bench.client import AnswerError
from bench.environment import Interpreters
from bench.load import Setting
from bench.process import Running, connected, started
from bench.runs import Runs
from bench.server import HERE
from bench.servers import SERVERS
from bench.visit import cgi_variables, nginx, orphans_ended

PYTHON = Path(sys.executable)


def test_a_server_on_a_unix_socket_is_waited_for(tmp_path: Path) -> None:
    at = tmp_path / "backend"
    code = (
        "import socket, time; s = socket.socket(socket.AF_UNIX);"
        f" s.bind({str(at)!r}); s.listen(); time.sleep(60)"
    )
    command = [str(PYTHON), "-c", code]
    with started("x", command, 12345, tmp_path, {}, at=at) as running:
        assert running.port == 12345
        connected(at, timeout=1).close()
    with pytest.raises(OSError, match="refused"):
        connected(at, timeout=1)


def test_what_a_visit_leaves_behind_is_ended(tmp_path: Path) -> None:
    """A process in a session of its own, whose parent has gone, is found."""
    noted = tmp_path / "pid"
    resident = f"sleep 60 & echo $! > {noted}"
    with orphans_ended():
        subprocess.run(["setsid", "sh", "-c", resident], check=True)
        pid = int(noted.read_text())
        assert Path(f"/proc/{pid}").exists()
    assert not Path(f"/proc/{pid}").exists()


def test_a_script_names_its_interpreter_and_lies_beside_the_applications(
    tmp_path: Path,
) -> None:
    server = next(s for s in SERVERS if s.name == "wsgiref")
    (program,) = server.command_line(PYTHON, "hello", 0, tmp_path)
    assert Path(program).read_text().startswith(f'#!{PYTHON}\n"""')
    running = Running("x", os.getpid(), 0, (program,), cgi_variables(tmp_path, program))
    Runs().verify(running)
    values = Runs(count=3).run(running, Setting(1.0)).values
    assert 0 < values[measure.FASTEST.key] <= values[measure.RUN.key]
    assert values[measure.RUN_CPU.key] > 0


@pytest.mark.parametrize(
    "code",
    ["echo 'Status: 500 No'; echo; printf 'Hello, world!'", "exit 1", "echo; echo x"],
)
def test_a_program_that_answers_otherwise_is_refused(code: str) -> None:
    command = ("/bin/sh", "-c", code)
    with pytest.raises(AnswerError, match="ended with"):
        Runs().verify(Running("x", os.getpid(), 0, command))


def test_the_front_is_told_where_and_what(tmp_path: Path) -> None:
    command = nginx(12345, tmp_path, "scgi")
    text = Path(command[-1]).read_text()
    assert "listen 127.0.0.1:12345;" in text
    assert f"server unix:{tmp_path}/backend;" in text
    assert "nginx/pass/scgi.conf;" in text


def test_every_front_is_described() -> None:
    folder = HERE / "apps" / "nginx" / "pass"
    named = {server.front for server in SERVERS if server.front}
    assert named == {file.stem for file in folder.iterdir()}


def test_a_server_lacks_what_it_needs_besides() -> None:
    server = next(s for s in SERVERS if s.needs)
    interpreters = Interpreters(PYTHON, PYTHON, {server.needs[0]: "not built"})
    assert interpreters.why_not(server) == "not built"
    assert interpreters.why_not(SERVERS[0]) is None
