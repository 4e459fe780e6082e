"""A server that is run: what it says, chooses, logs and shows."""

from __future__ import annotations

import re
import signal
import socket
import sys
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from .running import get, run

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Starter

BIND = ("--bind", "127.0.0.1:0")


def test_version(project: Path) -> None:
    ended = run("--version", cwd=project)
    assert ended.returncode == 0
    version, backends, python = ended.stdout.decode().splitlines()
    assert re.fullmatch(r"narthex \d+\.\d+\.\d+", version)
    assert {"hyper", "cgi"} <= set(backends.removeprefix("backends: ").split(", "))
    number = ".".join(map(str, sys.version_info[:3]))
    assert python == f"Python {number} at {sys.executable}"


@pytest.mark.smoke
def test_it_says_where_and_what(start: Starter) -> None:
    server = start("run", "app", *BIND)
    server.wait_for_port()
    server.wait_for("^narthex: serving app:app by the API wsgi with hyper;")


def test_several_addresses(start: Starter, project: Path) -> None:
    path = project / "socket"
    server = start("serve", "app", *BIND, "-b", f"unix:{path}")
    port = server.wait_for_port()
    server.wait_for(f"listening on unix:{path}$")
    assert get(port).body == b"hello"
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.")
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    assert not path.exists()


def test_settings_from_the_environment(start: Starter) -> None:
    names = {"NARTHEX_BIND": "127.0.0.1:0", "NARTHEX_EXPLAIN": "1"}
    server = start("run", "app", env=names)
    server.wait_for(r"^narthex: backend hyper: ")
    server.wait_for(r"^narthex: object app: the first callable of ")
    server.wait_for(r"^narthex: API wsgi: it is a callable taking two arguments$")
    server.wait_for_port()


def test_arguments_win_over_the_environment(start: Starter) -> None:
    server = start("run", "app", *BIND, env={"NARTHEX_BIND": "192.0.2.1:1"})
    server.wait_for_port()


def test_port_of_a_hosting_platform(start: Starter) -> None:
    server = start("run", "app", env={"PORT": "0"})
    server.wait_for(r"listening on http://0\.0\.0\.0:\d+$")


def test_a_gateway_is_found_out(project: Path) -> None:
    variables = {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "REQUEST_METHOD": "GET",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "QUERY_STRING": "--version+-b",
    }
    # The query is put behind APP by web servers; it is never read as options.
    ended = run(
        "run", "--explain", "app", "--version", "-b", cwd=project, env=variables
    )
    assert ended.returncode == 0
    assert ended.stdout.replace(b"\r\n", b"\n").endswith(b"\n\nhello")
    said = ended.stderr.decode()
    assert "narthex: backend cgi: GATEWAY_INTERFACE is set" in said
    assert "listening" not in said


def test_a_broken_application_answers_500_as_a_gateway(project: Path) -> None:
    (project / "app.py").write_text("import nosuch_library\n")
    variables = {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "REQUEST_METHOD": "GET",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "127.0.0.1",
    }
    ended = run("run", "app", cwd=project, env=variables)
    assert ended.returncode == 1
    assert ended.stdout.startswith(b"Status: 500 ")
    assert b"nosuch_library" not in ended.stdout
    assert b"error N104" in ended.stderr


def test_access_log(start: Starter, project: Path) -> None:
    log = project / "access.log"
    server = start("serve", "app", *BIND, "--access-log", str(log))
    port = server.wait_for_port()
    get(port, "/x?y", {"Referer": "http://there/", "User-Agent": 'a"b\\c\xff'})
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: \x1b[2J\r\n\r\n")
        while client.recv(65536):
            pass
    server.send(signal.SIGTERM)
    server.wait()
    # A line is written when its response is out: two connections may change places.
    refused, first = sorted(
        log.read_bytes().splitlines(), key=lambda line: b"/x" in line
    )
    match = re.fullmatch(
        rb'127\.0\.0\.1 - - \[(.{26})\] "GET /x\?y HTTP/1\.1" 200 5 '
        rb'"http://there/" "a\\"b\\\\c\\xff"',
        first,
    )
    assert match is not None
    at = datetime.strptime(match[1].decode(), "%d/%b/%Y:%H:%M:%S %z")
    assert abs(datetime.now(timezone.utc) - at) < timedelta(minutes=1)
    assert b'"-" 400 ' in refused
    assert b"\x1b" not in refused


def test_a_full_disk_is_survived_and_reported_once(start: Starter) -> None:
    server = start("serve", "app", *BIND, "--access-log", "/dev/full")
    port = server.wait_for_port()
    for _ in range(3):
        assert get(port).body == b"hello"
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    told = [line for line in server.said if "access log cannot be written" in line]
    assert len(told) == 1
    assert told[0].startswith("narthex: error: ")


def test_log_level(start: Starter) -> None:
    server = start("serve", "app", *BIND, "--log-level", "error")
    server.wait_for_port()
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    assert not [line for line in server.said if ": info: " in line]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["run", "app"], True),
        (["run", "app", "--no-debug"], False),
        (["serve", "app"], False),
        (["serve", "app", "--debug"], True),
        (["run", "app", "--debug=false"], False),
    ],
)
def test_who_sees_failures(
    project: Path, start: Starter, words: list[str], shown: bool
) -> None:
    (project / "app.py").write_text(
        "def app(environ, start_response):\n    raise ValueError('<secret>')\n"
    )
    server = start(*words, *BIND)
    answer = get(server.wait_for_port())
    assert answer.status == 500
    assert (b"&lt;secret&gt;" in answer.body) == shown
    assert b"<secret>" not in answer.body


def test_failures_are_hidden_by_the_environment(project: Path, start: Starter) -> None:
    (project / "app.py").write_text(
        "def app(environ, start_response): raise ValueError\n"
    )
    server = start("run", "app", *BIND, env={"NARTHEX_DEBUG": "0"})
    assert b"ValueError" not in get(server.wait_for_port()).body
