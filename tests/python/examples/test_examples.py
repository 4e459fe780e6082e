"""Every example, run the way its README says."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
FREE_PORT = "127.0.0.1:0"
# The command lies beside the interpreter that has the package.
PROGRAMS = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


@contextmanager
def serving(*command: str, **variables: str) -> Iterator[HTTPConnection]:
    """Runs a server, connects to it, and sees that it stops when told."""
    environment = {**os.environ, "PATH": PROGRAMS, **variables}
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=environment
    ) as server:
        assert server.stderr is not None
        log: list[str] = []
        try:
            for line in server.stderr:
                log.append(line)
                if found := re.search(r"listening on (http://\S+)", line):
                    break
            else:
                pytest.fail(f"no server:\n{''.join(log)}")
            address = urlsplit(found[1])
            connection = HTTPConnection(
                address.hostname or "", address.port, timeout=20
            )
            with closing(connection):
                yield connection
            server.send_signal(signal.SIGTERM)
            log += server.stderr.readlines()
            assert server.wait(30) == 0, "".join(log)
        finally:
            server.kill()


def run(example: str) -> tuple[str, ...]:
    """The command that serves an example."""
    return ("narthex", "run", str(EXAMPLES / example), "--bind", FREE_PORT)


def fetch(
    connection: HTTPConnection, method: str, target: str, body: str | bytes = b""
) -> tuple[int, str]:
    """Status and text of a response."""
    form = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    connection.request(method, target, body or None, form)
    response = connection.getresponse()
    return response.status, response.read().decode()


def test_hello() -> None:
    with serving(
        "narthex", "serve", str(EXAMPLES / "hello/app.py"), "-b", FREE_PORT
    ) as c:
        assert fetch(c, "GET", "/") == (200, "Hello, world!\n")


def test_native() -> None:
    with serving(*run("native")) as connection:
        assert fetch(connection, "GET", "/") == (200, "Hello, world!\n")
        assert fetch(connection, "GET", "/?who=D%C3%A9a") == (200, "Hello, Déa!\n")


def test_streaming() -> None:
    with serving(*run("streaming")) as connection:
        began = time.monotonic()
        connection.request("GET", "/?to=2&every=2")
        response = connection.getresponse()
        assert response.getheader("Content-Type") == "text/event-stream"
        assert response.readline() == b"data: 1\n"
        # The first event does not wait for the second.
        assert time.monotonic() - began < 2
        assert response.read() == b"\ndata: 2\n\n"
        assert time.monotonic() - began >= 2


def test_upload() -> None:
    data = bytes(range(256)) * 4096
    with serving(*run("upload")) as connection:
        status, text = fetch(connection, "PUT", "/", data)
        assert status == 200
        digest = hashlib.sha256(data).hexdigest()
        assert json.loads(text) == {"bytes": len(data), "sha256": digest}
        status, text = fetch(connection, "GET", "/")
        assert (status, text.partition(":")[0]) == (405, "send something")


def test_cgi_scripts() -> None:
    directory = str(EXAMPLES / "cgi_scripts/cgi-bin")
    with serving(
        "narthex", "serve", "--cgi-bin", directory, "-b", FREE_PORT
    ) as connection:
        status, text = fetch(connection, "GET", "/cgi-bin/guestbook.py")
        assert (status, "<form" in text) == (200, True)
        status, text = fetch(
            connection, "POST", "/cgi-bin/guestbook.py", "who=%3CD%C3%A9a"
        )
        assert (status, text) == (200, "<p>Hello, &lt;Déa!</p>\n")
        status, text = fetch(connection, "GET", "/cgi-bin/environment.pl/x?y")
        assert status == 200
        assert {"PATH_INFO=/x", "QUERY_STRING=y"} <= set(text.splitlines())
        for name in ("uptime.sh", "latest.sh"):
            status, text = fetch(connection, "GET", f"/cgi-bin/{name}")
            assert status == 200
            assert float(text.splitlines()[1]) > 0


def test_flask() -> None:
    with serving(*run("flask")) as connection:
        assert fetch(connection, "GET", "/") == (200, "Hello from Flask at /\n")
        status, text = fetch(connection, "POST", "/echo", "a=1&b=%C3%A9")
        assert (status, json.loads(text)) == (200, {"a": "1", "b": "é"})


def test_the_cgi_script_is_a_server() -> None:
    script = str(EXAMPLES / "cgi/hello.cgi")
    with serving(script, NARTHEX_BIND=FREE_PORT) as connection:
        assert fetch(connection, "GET", "/") == (200, "Hello over hyper!\n")


def test_the_cgi_script_is_a_cgi_program() -> None:
    environment = {
        "PATH": PROGRAMS,
        "GATEWAY_INTERFACE": "CGI/1.1",
        "QUERY_STRING": "",
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "/cgi-bin/hello.cgi",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    outcome = subprocess.run(
        [EXAMPLES / "cgi/hello.cgi"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (outcome.returncode, outcome.stderr) == (0, b"")
    head, _, body = outcome.stdout.replace(b"\r\n", b"\n").partition(b"\n\n")
    assert b"Status: 200 OK" in head.split(b"\n")
    assert body == b"Hello over cgi!\n"


def test_no_example_is_forgotten() -> None:
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    listed = re.findall(r"^\| \[(\w+)\]", (EXAMPLES / "README.md").read_text(), re.M)
    assert folders - {"__pycache__"} == set(listed)
    tests = Path(__file__).read_text()
    assert all(
        f"def test_{name}(" in tests
        # Others are run where their servers are: `tests/python/{apache,deploy}`.
        for name in folders - {"apache", "cgi", "deploy", "__pycache__"}
    )
