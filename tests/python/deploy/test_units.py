"""The systemd unit and the container file, as far as they run without an init."""

from __future__ import annotations

import configparser
import http.client
import json
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from command.running import PATIENCE, Server, environment, get

from .front import DEPLOY, filled_in, free_port, program

if TYPE_CHECKING:
    from pathlib import Path

NARTHEX = f"{sys.executable} -m narthex"
WRITTEN = "/srv/site/.venv/bin/narthex"


def test_the_units_are_valid_and_hardened(tmp_path: Path) -> None:
    analyze = program("systemd-analyze")
    for name in ("narthex.service", "narthex.socket"):
        # Its own binary is what systemd looks for.
        values = {WRITTEN: sys.executable} if name.endswith("service") else {}
        text = filled_in(DEPLOY / "systemd" / name, values)
        (tmp_path / name).write_text(text.replace("www-data", "root"))
    units = [str(tmp_path / "narthex.service"), str(tmp_path / "narthex.socket")]
    for command in (
        ["verify", "--man=no", *units],
        # From 0, locked up, to 100, everything allowed.
        ["security", "--no-pager", "--offline=yes", "--threshold=20", units[0]],
    ):
        done = subprocess.run(
            [analyze, *command], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Unknown key" not in done.stderr, done.stderr


def test_the_service_starts_by_its_socket(tmp_path: Path) -> None:
    """`systemd-socket-activate` does what systemd does with the two units."""
    units = {}
    for name in ("service", "socket"):
        unit = configparser.ConfigParser(strict=False, interpolation=None)
        unit.optionxform = str  # type: ignore[assignment,method-assign]
        unit.read(DEPLOY / "systemd" / f"narthex.{name}")
        units[name] = unit
    path = tmp_path / "site.sock"
    start = units["service"]["Service"]["ExecStart"].replace(WRITTEN, NARTHEX)
    reload = units["service"]["Service"]["ExecReload"].replace(WRITTEN, NARTHEX)
    assert units["socket"]["Socket"]["ListenStream"] == "/run/site.sock"
    settings = filled_in(
        DEPLOY / "systemd" / "narthex.toml",
        {"127.0.0.1:9100": f"127.0.0.1:{free_port()}"},
    )
    (tmp_path / "narthex.toml").write_text(settings)
    (tmp_path / "app.py").write_text((DEPLOY / "app.py").read_text())
    variables = environment({"NARTHEX_RUNTIME_DIR": str(tmp_path / "run")})
    passed = [f"--setenv={name}" for name in variables]
    activate = [program("systemd-socket-activate"), f"--listen={path}", *passed]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            ["env", "--default-signal=HUP,INT,QUIT", *activate, *shlex.split(start)],
            cwd=tmp_path,
            env=variables,
            stdout=log,
            stderr=log,
        )
    try:
        wait_for_file(path, server)
        first = ask(path)
        assert first["wsgi.url_scheme"] == "http"
        done = subprocess.run(
            shlex.split(reload),
            cwd=tmp_path,
            env=variables,
            capture_output=True,
            text=True,
            timeout=PATIENCE * 2,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert ask(path)["process"] != first["process"]
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE) == 0, (tmp_path / "log").read_text()
    finally:
        server.kill()
        server.wait()


def wait_for_file(path: Path, server: subprocess.Popen[bytes]) -> None:
    """Waits until a socket is there that somebody listens on."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        if path.exists():
            return
        time.sleep(0.02)
    raise AssertionError("no socket")


def ask(path: Path) -> dict[str, str | int]:
    """Asks by a Unix socket."""
    connection = http.client.HTTPConnection("localhost", timeout=PATIENCE)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(PATIENCE)
    connection.sock.connect(str(path))
    try:
        connection.request("GET", "/")
        response = connection.getresponse()
        assert response.status == 200
        answer: dict[str, str | int] = json.loads(response.read())
        return answer
    finally:
        connection.close()


def test_the_command_and_the_check_of_the_container(tmp_path: Path) -> None:
    """What the image runs, with its variables, outside an image."""
    text = (DEPLOY / "container" / "Containerfile").read_text()
    joined = text.replace("\\\n", " ")
    management = free_port()
    variables = dict(re.findall(r"(NARTHEX_\w+)=(\S+)", joined))
    assert variables["NARTHEX_BIND"] == "0.0.0.0:8000"
    variables["NARTHEX_BIND"] = "127.0.0.1:0"
    variables["NARTHEX_MANAGEMENT"] = f"127.0.0.1:{management}"
    variables["NARTHEX_RUNTIME_DIR"] = str(tmp_path / "run")
    program_name, *words = json.loads(joined.split("\nCMD ", 1)[1].split("\n", 1)[0])
    assert program_name == "narthex"
    healthy = json.loads(joined.split("HEALTHCHECK CMD ", 1)[1].split("\n", 1)[0])
    assert healthy[0] == "python"
    arguments = [word.replace("9100", str(management)) for word in healthy[1:]]
    check = [sys.executable, *arguments]
    server = Server(*words, cwd=DEPLOY, env=variables)
    try:
        port = server.wait_for_port()
        server.wait_for("serving app:app")
        assert get(port).status == 200
        assert subprocess.run(check, check=False, timeout=PATIENCE).returncode == 0
        server.send(signal.SIGTERM)
        assert server.wait() == 0
        assert subprocess.run(check, check=False, capture_output=True).returncode != 0
    finally:
        server.close()
