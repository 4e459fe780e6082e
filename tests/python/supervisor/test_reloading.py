"""Reloading loses nothing, and a set that does not start changes nothing."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from command.running import get

from .supervised import APP, Load, descriptors, until

if TYPE_CHECKING:
    from .conftest import Starter

RELOADS = 20


def test_many_reloads_under_load_lose_nothing(start: Starter) -> None:
    server = start("--workers", "2")
    before = set(server.workers)
    with Load(server.port).running() as load:
        for number in range(RELOADS):
            server.reload()
            if number == 2:
                until(lambda: server.is_whole(2))
                open_before = len(descriptors(server.process.pid))
        until(lambda: server.is_whole(2))
        load.goes_on()
    assert load.lost == []
    assert before.isdisjoint(server.workers)
    assert server.status()["reloads"] == RELOADS
    # The connection of the last question may be on its way out.
    until(lambda: len(descriptors(server.process.pid)) == open_before)


def test_a_broken_application_leaves_the_old_one(project: Path, start: Starter) -> None:
    server = start("--workers", "2")
    workers = server.workers
    with Load(server.port).running() as load:
        (project / "app.py").write_text("import os\nboom(\n")
        server.send(signal.SIGHUP)
        server.wait_for("^narthex: error: not reloaded, the old workers go on: N103: ")
        server.wait_for("app.py:2")
        (project / "app.py").write_text("import os\nos._exit(3)\n")
        server.send(signal.SIGHUP)
        server.wait_for(
            "not reloaded.*process [0-9]+ exited with status 3 before it was ready$"
        )
        until(lambda: server.is_whole(2))
        assert server.workers == workers
        (project / "app.py").write_text(APP.replace("first", "second"))
        server.reload()
        until(lambda: server.is_whole(2))
        until(lambda: get(server.port).body.startswith(b"second "))
    assert load.lost == []


def test_an_application_that_hangs_leaves_the_old_one(
    project: Path, start: Starter
) -> None:
    server = start("--supervise", "--start-timeout", "3")
    worker = server.pid()
    (project / "app.py").write_text("import time\ntime.sleep(600)\n")
    server.send(signal.SIGHUP)
    server.wait_for("not reloaded.*: a worker was not ready in 3 s$")
    assert server.pid() == worker


def test_a_first_start_that_fails_is_told_once(project: Path, start: Starter) -> None:
    (project / "app.py").write_text("boom(\n")
    server = start("--workers", "3", ready=False)
    assert server.wait() == 1
    assert len([line for line in server.said if "error N103" in line]) == 1
    assert not [line for line in server.said if "Traceback" in line]


def test_so_is_one_by_workers_that_die(project: Path, start: Starter) -> None:
    (project / "app.py").write_text("import os\nos._exit(3)\n")
    server = start("--workers", "2", ready=False)
    assert server.wait() == 1
    assert [line for line in server.said if "N221" in line and "status 3" in line]


def test_more_and_fewer(start: Starter) -> None:
    server = start("--supervise")
    with Load(server.port).running() as load:
        server.send(signal.SIGTTIN)
        server.wait_for("SIGTTIN")
        until(lambda: server.is_whole(2))
        server.send(signal.SIGTTOU)
        server.wait_for("SIGTTOU")
        until(lambda: server.is_whole(1))
        server.send(signal.SIGTTOU)
        server.wait_for("one worker stays")
    assert load.lost == []


def test_workers_are_replaced_after_some_requests(start: Starter) -> None:
    server = start("--workers", "2", "--max-requests", "200")
    before = set(server.workers)
    with Load(server.port).running() as load:
        for _ in range(2):
            server.wait_for("a worker is replaced: process [0-9]+ had [0-9]+ requests$")
        until(lambda: before.isdisjoint(server.workers))
    assert load.lost == []


def test_a_worker_that_grows_is_replaced(start: Starter) -> None:
    server = start("--supervise", "--max-rss", "150M")
    worker = server.pid()
    with Load(server.port).running() as load:
        assert get(server.port, "/grow?200").status == 200
        server.wait_for(
            "a worker is replaced: process [0-9]+ has 2[0-9]+ MiB resident$"
        )
        until(lambda: server.all_gone([worker]))
        load.goes_on()
    assert load.lost == []


def test_an_idle_connection_is_answered_once_more(start: Starter) -> None:
    """Its client may be about to send: a reset would be all that it sees."""
    server = start("--supervise")
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(request)
        assert b"connection: close" not in connection.recv(65536).lower()
        server.reload()
        answer = b""
        while b"connection: close" not in answer.lower():
            connection.sendall(request)
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 ")
        assert connection.recv(65536) == b""


def test_a_worker_holds_nothing_of_others(start: Starter) -> None:
    server = start("--workers", "3")
    parent = set(descriptors(server.process.pid))
    sockets = [
        {name for name in descriptors(worker) if name.startswith("socket:")}
        for worker in server.workers
    ]
    common = parent.intersection(*sockets)
    assert (
        len([name for name in common if name.startswith("socket:")]) == 1
    )  # the listener
    for number, own in enumerate(sockets):
        assert own & parent == common & own
        for other in sockets[number + 1 :]:
            assert own & other == common & own
