"""Who may meet whom, and what the program itself is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from command.running import PATIENCE
from support import stub

from .driving import REQUEST, finished

if TYPE_CHECKING:
    from .driving import Residents

APP = """\
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"here"]
"""

LISTEN = """\
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
os.seteuid(65534)
listener.listen()
print("listening", flush=True)
sys.stdin.read()
"""

NOBODY = 65534


def test_a_directory_that_others_may_enter_is_refused(residents: Residents) -> None:
    app = residents.script(APP)
    for mode in (0o755, 0o770, 0o701):
        residents.runtime.chmod(mode)
        refused = residents.ask(app)
        assert refused.status == 500
        assert "error N285" in refused.errors
        assert "is open to other users: its mode has to be 0700" in refused.errors
    assert residents.pids() == []
    residents.runtime.chmod(0o700)
    assert residents.ask(app).status == 200


def test_a_directory_of_another_user_is_refused(residents: Residents) -> None:
    app = residents.script(APP)
    if os.geteuid() == 0:
        foreign = residents.runtime
        os.chown(foreign, NOBODY, NOBODY)
    else:
        foreign = Path("/usr")
    refused = residents.ask(app, NARTHEX_RUNTIME_DIR=str(foreign))
    assert refused.status == 500
    assert f"{foreign} belongs to another user" in refused.errors
    assert residents.pids() == []
    link = residents.folder / "link"
    link.symlink_to(residents.runtime)
    refused = residents.ask(app, NARTHEX_RUNTIME_DIR=str(link))
    assert "is no directory" in refused.errors


def test_a_socket_of_another_user_is_refused(residents: Residents) -> None:
    if os.geteuid() != 0:
        pytest.skip("excused: only root can play another user")
    app = residents.script(APP)
    assert residents.ask(app).status == 200
    (socket,) = residents.sockets()
    socket.unlink()
    with subprocess.Popen(
        [sys.executable, "-c", LISTEN, str(socket)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as impostor:
        assert impostor.stdout
        assert impostor.stdout.readline() == b"listening\n"
        refused = residents.ask(app)
        impostor.communicate()
    assert (refused.status, refused.code) == (500, 1)
    assert (
        f"error N288: {socket} belongs to a process of another user" in refused.errors
    )


def test_a_stranger_is_not_answered(residents: Residents) -> None:
    """A client of another user, if it gets as far as the socket."""
    if os.geteuid() != 0:
        pytest.skip("excused: only root can play another user")
    app = residents.script(APP)
    assert residents.ask(app).status == 200
    (socket,) = residents.sockets()
    residents.runtime.chmod(0o755)
    socket.chmod(0o777)
    code = (
        "import os, socket, sys; os.setuid(65534); s = socket.socket(socket.AF_UNIX);"
        "s.connect(sys.argv[1]);"
        "socket.send_fds(s, [b'nxc1' + bytes(4)], [0, 1, 2]); print(s.recv(9))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(socket)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
    )
    # Closed with the message unread, or before it was sent.
    assert re.search(rb"(ConnectionReset|BrokenPipe)Error", ended.stderr), ended
    assert ended.stdout == b""


def test_it_is_no_cgi_program_by_itself(residents: Residents) -> None:
    app = residents.script(APP)
    exposed = residents.ask(app, SCRIPT_FILENAME=stub.program())
    assert exposed.status == 500
    assert "error N291" in exposed.errors
    assert residents.pids() == []


def test_under_suexec(residents: Residents) -> None:
    """An environment with nothing in it but the request, and Python beside."""
    folder = residents.folder / "bin"
    folder.mkdir()
    shutil.copy(stub.program(), folder / "narthex-cgi")
    python = folder / "python"
    path = os.environ.get("PYTHONPATH", "")
    python.write_text(f'#!/bin/sh\nPYTHONPATH={path} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    app = residents.script(f"#!{folder}/narthex-cgi --idle=20\n{APP}")
    app.chmod(0o755)
    child = subprocess.Popen(
        [str(app)],
        env={name: REQUEST[name] for name in REQUEST if name != "HTTP_PROXY"},
        cwd=residents.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    answer = finished(child)
    started = [
        int(entry.parent.name)
        for entry in Path("/proc").glob("[0-9]*/cmdline")
        if str(app).encode() in entry.read_bytes().split(b"\0")
    ]
    try:
        assert (answer.status, answer.body) == (200, b"here"), answer.errors
        assert len(started) == 1
    finally:
        for pid in started:
            os.kill(pid, 9)


def test_garbage_on_the_socket_harms_nobody(residents: Residents) -> None:
    import socket

    app = residents.script(APP)
    assert residents.ask(app).status == 200
    for garbage in (
        b"",
        b"\0",
        b"GET / HTTP/1.1\r\n\r\n",
        b"nxc1\xff\xff\xff\xff",
        b"nxc1",
    ):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(str(residents.sockets()[0]))
            client.sendall(garbage)
    with socket.socket(socket.AF_UNIX) as client, tempfile.TemporaryFile() as file:
        client.settimeout(PATIENCE)
        client.connect(str(residents.sockets()[0]))
        socket.send_fds(client, [b"nxc1\x05\0\0\0A=1\0"], [file.fileno()])
    assert residents.ask(app).body == b"here"
    assert len(residents.pids()) == 1


def test_it_is_small_and_needs_no_library() -> None:
    program = Path(stub.program())
    ended = subprocess.run(
        ["ldd", program],
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C"},
    )
    said = ended.stdout + ended.stderr
    assert re.search("not a dynamic executable|statically linked", said), said
    assert program.stat().st_size < 1_000_000
