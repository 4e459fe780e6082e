"""Several sockets of any kind at once, and who may connect."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from command.running import get
from command.running import run as run_command

if TYPE_CHECKING:
    from command.conftest import Starter


def get_unix(address: str, patience: float = 15.0) -> bytes:
    """Sends one request to a Unix socket; returns the response."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(patience)
        connection.connect(address)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        received = b""
        while data := connection.recv(65536):
            received += data
        return received


@pytest.mark.parametrize("server_name", ["hyper", "tiny-http"])
def test_all_kinds_at_once(project: Path, start: Starter, server_name: str) -> None:
    path, name = project / "socket", f"narthex-test-{os.getpid()}-{server_name}"
    server = start(
        "run", "app", "--backend", server_name, "--socket-mode=660",
        "--bind", f"127.0.0.1:0,unix:{path}", "--bind", f"unix:@{name}",
        "--bind=[::1]:0",
    )  # fmt: skip
    assert get(server.wait_for_port()).body == b"hello"
    server.wait_for(rf"listening on unix:{path}$")
    server.wait_for(rf"listening on unix:@{name}$")
    port = int(server.wait_for(r"listening on http://\[::1\]:(\d+)$")[1])
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    for address in (str(path), f"\0{name}"):
        assert get_unix(address).endswith(b"\r\n\r\nhello")
    with socket.create_connection(("::1", port), 15):
        pass
    server.process.terminate()
    assert server.wait() == 0
    assert not path.exists()


@pytest.mark.parametrize("owner", ["{user}", "{user}:{group}", ":{group}"])
def test_an_owner(project: Path, start: Starter, owner: str) -> None:
    # Numbers that exist nowhere need root; one's own do not.
    user, group = (4321, 8765) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    path = project / "socket"
    server = start(
        "serve", "app", "--bind", f"unix:{path}",
        f"--socket-owner={owner.format(user=user, group=group)}",
    )  # fmt: skip
    server.wait_for("listening on unix:")
    there = path.stat()
    assert there.st_uid == (user if "user" in owner else os.geteuid())
    assert there.st_gid == (group if "group" in owner else os.getegid())


def test_an_owner_by_name(project: Path, start: Starter) -> None:
    path = project / "socket"
    owner = f"{project.owner()}:{project.group()}"
    server = start("serve", "app", f"--bind=unix:{path}", f"--socket-owner={owner}")
    server.wait_for("listening on unix:")
    assert f"{path.owner()}:{path.group()}" == owner


def test_what_stands_in_the_way_is_told(project: Path) -> None:
    (project / "precious").write_text("data")
    for bind, options, code, told in [
        ("unix:precious", [], "N211", "something that is no socket"),
        ("unix:missing/socket", [], "N212", "mkdir -p missing"),
        (f"unix:/tmp/{'x' * 120}", [], "N213", "shorter path"),
        ("unix:socket", ["--socket-owner=nobody-of-that-name"], "N210", "no user"),
        ("unix:socket", ["--socket-owner=:no-such-group"], "N210", "no group"),
        ("fd://99", [], "N205", "Bad file descriptor"),
    ]:
        ended = run_command("serve", "app", "--bind", bind, *options, cwd=project)
        said = ended.stderr.decode()
        assert ended.returncode == 1
        assert code in said
        assert told in said
    assert (project / "precious").read_text() == "data"


@pytest.mark.parametrize("mode", ["888", "1777", "rw", "+660", ""])
def test_a_mode_is_octal(project: Path, mode: str) -> None:
    ended = run_command("serve", "app", f"--socket-mode={mode}", cwd=project)
    assert ended.returncode == 2
    assert b"octal" in ended.stderr


def test_a_live_socket_is_refused_and_a_dead_one_replaced(
    project: Path, start: Starter
) -> None:
    path = project / "socket"
    first = start("serve", "app", f"--bind=unix:{path}")
    first.wait_for("listening on unix:")
    ended = run_command("serve", "app", f"--bind=unix:{path}", cwd=project)
    assert ended.returncode == 1
    assert b"N201" in ended.stderr
    assert get_unix(str(path)).endswith(b"hello")
    first.process.kill()
    first.wait()
    assert path.exists()
    second = start("serve", "app", f"--bind=unix:{path}")
    second.wait_for("listening on unix:")
    assert get_unix(str(path)).endswith(b"hello")
