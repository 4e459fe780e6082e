"""What a request is to an application that is held ready, and what is left of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support import stub

from .driving import descriptors, finished, wait_until

if TYPE_CHECKING:
    from .driving import Residents

SEEN = """\
import json, os, random, sys
count = 0
kept = []
def app(environ, start_response):
    global count
    count += 1
    kept.append(environ)
    print("printed", environ["PATH_INFO"])
    print("to stderr", file=sys.stderr)
    environ["wsgi.errors"].write("to wsgi.errors\\n")
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({
        "count": count,
        "pid": os.getpid(),
        "os": dict(os.environ),
        "environ": {k: v for k, v in environ.items() if isinstance(v, str)},
        "once": environ["wsgi.run_once"],
        "threads": environ["wsgi.multithread"],
        "argv": sys.argv,
        "cwd": os.getcwd(),
        "random": random.random(),
        "site": "site" in sys.modules,
        "session": os.getsid(0),
    }).encode()]
"""

STREAM = """\
import os, time
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    sent = 0
    try:
        yield b"first"
        while not os.path.exists("go"):
            time.sleep(0.01)
        while sent < 1000:
            sent += 1
            yield b"x"
    finally:
        with open("sent", "w") as file:
            file.write(str(sent))
"""

READ = """\
from narthex import Disconnected
def app(environ, start_response):
    open("reading", "w").close()
    try:
        environ["wsgi.input"].read(5)
    except Disconnected:
        open("disconnected", "w").close()
        raise
"""

UPLOAD = """\
import re
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
def app(environ, start_response):
    before, total = peak(), 0
    while piece := environ["wsgi.input"].read(1 << 16):
        total += len(piece)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{total} {peak() - before}".encode()]
"""


def test_the_environment_is_the_requests_own(residents: Residents) -> None:
    app = residents.script(SEEN)
    first = json.loads(
        residents.ask(app, HTTP_X_FIRST="1", DATABASE="db", PATH_INFO="/a").body
    )
    second = json.loads(residents.ask(app, PATH_INFO="/b").body)
    assert (first["count"], second["count"]) == (1, 2)
    assert first["environ"]["HTTP_X_FIRST"] == "1"
    assert "HTTP_X_FIRST" not in second["environ"]
    assert "DATABASE" not in second["environ"]
    assert (first["environ"]["PATH_INFO"], second["environ"]["PATH_INFO"]) == (
        "/a",
        "/b",
    )
    for seen in (first, second):
        # What the host says is the process's, what the request says is not.
        assert seen["os"]["DATABASE"] == "db"
        assert not {
            name
            for name in seen["os"]
            if name.startswith(("HTTP_", "REQUEST_", "REMOTE_", "SERVER_"))
            or name in ("PATH_INFO", "QUERY_STRING", "GATEWAY_INTERFACE")
        }
        assert "HTTP_PROXY" not in seen["environ"]
        assert (seen["once"], seen["threads"]) == (False, True)
        assert seen["argv"] == [str(app)]
        assert seen["cwd"] == str(residents.folder)
        assert seen["session"] == seen["pid"]


@pytest.mark.parametrize("mode", ["warm", "fork", "cold"])
def test_what_is_written_to_the_log_reaches_the_web_server(
    residents: Residents, mode: str
) -> None:
    app = residents.script(SEEN)
    for path in ("/1", "/2"):
        answer = residents.ask(f"--mode={mode}", app, PATH_INFO=path)
        assert sorted(answer.errors.splitlines()) == [
            f"printed {path}",
            "to stderr",
            "to wsgi.errors",
        ]
    failing = residents.script(
        "def app(*_):\n    raise ValueError('why')\n", "fails.py"
    )
    answer = residents.ask(f"--mode={mode}", failing)
    assert answer.status == 500
    assert "narthex: error: application failed" in answer.errors
    assert "ValueError: why" in answer.errors


@pytest.mark.parametrize("mode", ["fork", "cold"])
def test_what_a_request_changes_ends_with_it(residents: Residents, mode: str) -> None:
    app = residents.script(SEEN)
    option = f"--mode={mode}"
    seen = [
        json.loads(residents.ask(option, app, PATH_INFO=f"/{n}").body) for n in range(3)
    ]
    assert [one["count"] for one in seen] == [1, 1, 1]
    assert len({one["pid"] for one in seen}) == 3
    assert len({one["random"] for one in seen}) == 3
    assert [one["os"]["PATH_INFO"] for one in seen] == ["/0", "/1", "/2"]
    assert all("HTTP_PROXY" not in one["os"] for one in seen)
    assert all((one["once"], one["threads"]) == (True, False) for one in seen)
    assert all(one["site"] == (mode == "fork") for one in seen)
    assert len(residents.pids()) == (mode == "fork")


@pytest.mark.parametrize("mode", ["fork", "cold"])
def test_what_is_registered_for_the_end_runs(residents: Residents, mode: str) -> None:
    app = residents.script(
        "import atexit, threading, time\n"
        "def write(name):\n    time.sleep(0.1)\n    open(name, 'w').close()\n"
        "def app(environ, start_response):\n"
        "    atexit.register(write, 'exit')\n"
        "    threading.Thread(target=write, args=('thread',)).start()\n"
        "    start_response('200 OK', [])\n    return [b'']\n"
    )
    assert residents.ask(f"--mode={mode}", app).status == 200
    wait_until((residents.folder / "thread").exists, "the thread ends")
    wait_until((residents.folder / "exit").exists, "the function at exit runs")


def test_no_descriptor_is_kept(residents: Residents) -> None:
    app = residents.script(SEEN)  # it keeps each environ
    pid = json.loads(residents.ask(app).body)["pid"]
    before = descriptors(pid)
    reader, writer = os.pipe()
    child = subprocess.Popen(
        [stub.program(), str(app)],
        env={**residents.variables, "REQUEST_METHOD": "GET", "PATH_INFO": "/"},
        cwd=residents.folder,
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=writer,
    )
    pipe = Path(f"/proc/self/fd/{writer}").readlink()
    os.close(writer)
    output = b""
    while piece := os.read(reader, 65536):
        output += piece  # up to the end, which comes though the process stays
    os.close(reader)
    assert child.wait() == 0
    assert b"Status: 200 OK" in output
    assert pid in residents.pids()
    assert str(pipe) not in descriptors(pid)
    assert not {what for what in descriptors(pid) - before if what.startswith("pipe:")}


def test_the_first_request_leaves_no_descriptor_either(residents: Residents) -> None:
    app = residents.script(SEEN)
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)  # as web servers leave things open
    child = subprocess.Popen(
        [stub.program(), str(app)],
        env={**residents.variables, "REQUEST_METHOD": "GET", "PATH_INFO": "/"},
        cwd=residents.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        close_fds=False,
    )
    os.close(writer)
    assert finished(child).status == 200
    assert os.read(reader, 1) == b""
    os.close(reader)
    assert len(residents.pids()) == 1


@pytest.mark.parametrize("mode", ["warm", "fork"])
def test_a_body_is_streamed(residents: Residents, mode: str) -> None:
    child = residents.start(f"--mode={mode}", residents.script(STREAM))
    assert child.stdout
    head = b""
    while not head.endswith(b"\r\n\r\nfirst"):
        piece = child.stdout.read1(1024)  # type: ignore[attr-defined]
        assert piece, head
        head += piece
    (residents.folder / "go").touch()
    child.kill()
    child.communicate()


@pytest.mark.parametrize("mode", ["warm", "fork"])
def test_a_web_server_that_has_gone_is_a_disconnect(
    residents: Residents, mode: str
) -> None:
    child = residents.start(f"--mode={mode}", residents.script(STREAM))
    assert child.stdout
    assert child.stdout.read(10)
    # Its program is gone, but its pipes are not: nothing but the socket tells.
    child.send_signal(signal.SIGKILL)
    child.wait()
    (residents.folder / "go").touch()
    sent = residents.folder / "sent"
    wait_until(lambda: sent.exists() and sent.read_text() != "", "it is told")
    assert int(sent.read_text()) <= 1
    child.communicate()


@pytest.mark.parametrize("mode", ["warm", "fork"])
def test_it_is_a_disconnect_for_who_waits_for_a_body(
    residents: Residents, mode: str
) -> None:
    child = residents.start(
        *(f"--mode={mode}", residents.script(READ)),
        stdin=subprocess.PIPE,
        CONTENT_LENGTH="5",
    )
    wait_until((residents.folder / "reading").exists, "the application reads")
    child.send_signal(signal.SIGKILL)
    child.wait()
    wait_until((residents.folder / "disconnected").exists, "the application is told")
    child.communicate()


def test_an_upload_takes_no_memory(residents: Residents) -> None:
    app = residents.script(UPLOAD)
    assert residents.ask(app, body=b"x").status == 200
    size = 100 << 20
    upload = residents.start(app, stdin=subprocess.PIPE, CONTENT_LENGTH=str(size))
    assert upload.stdin
    piece = bytes(1 << 20)
    for _ in range(100):
        upload.stdin.write(piece)
    upload.stdin.close()
    upload.stdin = None
    total, grown = map(int, finished(upload).body.split())
    assert total == size
    assert grown < 4096, f"{grown} KiB"


def test_a_large_environment_and_body_pass(residents: Residents) -> None:
    app = residents.script(
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    body = environ['wsgi.input'].read()\n"
        "    sizes = [len(environ[f'HTTP_X_{n}']) for n in range(6)]\n"
        "    return [str(sum(sizes)).encode(), body]"
    )
    large = {f"HTTP_X_{n}": "v" * 100_000 for n in range(6)}
    answer = residents.ask(app, body=b"b" * 3_000_000, **large)
    assert answer.body == b"600000" + b"b" * 3_000_000


@pytest.mark.parametrize("mode", ["warm", "fork", "cold"])
def test_native_handlers_are_answered_as_well(residents: Residents, mode: str) -> None:
    app = residents.script("def app(t):\n    return {'path': t.path}\n")
    answer = residents.ask(f"--mode={mode}", app, PATH_INFO="/x")
    assert (answer.status, json.loads(answer.body)["path"]) == (200, "/app/x")
