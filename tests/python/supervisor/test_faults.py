"""What a process that dies takes with it, and how soon it is made up for."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from command.running import PATIENCE, get

from .supervised import APP, Load, children, until

if TYPE_CHECKING:
    from .conftest import Starter

KEPT, NEW = 4, 2


@pytest.mark.parametrize("how", ["SIGKILL", "/crash", "/exit"])
def test_a_worker_that_dies_under_load(start: Starter, how: str) -> None:
    server = start("--workers", "2")
    with Load(server.port).running(KEPT, NEW) as load:
        if how == "SIGKILL":
            os.kill(server.workers[0], signal.SIGKILL)
        else:
            with pytest.raises((OSError, HTTPException)):
                get(server.port, how)
        server.wait_for("^narthex: warning: a worker ended: .*: starting another$")
        took = until(lambda: server.status()["serving"] == 2)
        load.goes_on()
    # Each client has one request in flight at most.
    assert len(load.lost) <= KEPT + NEW, load.lost
    # A second, on a machine that starts the server in less than half of one.
    assert took < max(1, 2 * server.took)
    assert server.status()["deaths"] == 1
    server.send(signal.SIGTERM)
    assert server.wait() == 0


def test_all_workers_at_once(start: Starter) -> None:
    server = start("--workers", "3")
    workers = server.workers
    assert len(workers) == 3
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    # The parent holds the port: clients wait, and none is refused.
    assert server.pid() not in workers
    until(lambda: server.is_whole(3))


def test_a_worker_that_always_dies_is_started_ever_later(start: Starter) -> None:
    server = start("--supervise")
    waits = []
    for _ in range(4):
        os.kill(server.pid(), signal.SIGKILL)
        found = server.wait_for("a worker ended: .* starting another(?: in (.*) s)?$")
        waits.append(found[1])
        until(lambda: server.status()["serving"] == 1)
    assert waits == [None, "0.1", "0.2", "0.4"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_death_of_the_parent_leaves_no_orphan(
    start: Starter, number: signal.Signals
) -> None:
    server = start("--workers", "2")
    workers = server.workers
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(get, server.port, "/sleep?1")
        server.wait_for("^asleep$")
        server.send(number)
        # What runs is finished all the same.
        assert asked.result().status == 200
    assert server.process.wait(PATIENCE) == (-9 if number == signal.SIGKILL else 0)
    until(lambda: server.all_gone(workers))


def test_idle_workers_of_a_killed_parent_end_at_once(start: Starter) -> None:
    server = start("--workers", "2")
    workers = server.workers
    server.send(signal.SIGKILL)
    assert until(lambda: server.all_gone(workers)) < max(1, 2 * server.took)


def test_nor_does_a_parent_killed_while_workers_start(
    project: Path, start: Starter
) -> None:
    (project / "app.py").write_text(
        "import os\nos.write(2, b'importing\\n')\n"
        # Neither Python's handlers nor its lock are to be had.
        "import ctypes; ctypes.PyDLL(None).sleep(600)\n"
    )
    server = start("--workers", "2", ready=False)
    server.wait_for("^importing$")
    until(lambda: len(server.workers) == 2)
    workers = server.workers
    server.send(signal.SIGKILL)
    until(lambda: server.all_gone(workers))


@pytest.mark.parametrize("words", [("--workers", "2"), ()])
def test_a_stop_that_the_import_has_caught_is_a_stop(
    project: Path, start: Starter, words: tuple[str, ...]
) -> None:
    (project / "app.py").write_text(
        "import os, time\n"
        "try:\n    os.write(2, b'importing\\n')\n    time.sleep(600)\n"
        "except BaseException:\n    os.write(2, b'caught\\n')\n"
        f"{APP}"
    )
    server = start(*words, ready=False)
    server.wait_for("^importing$")
    if words:
        server.wait_for("^importing$")
    server.send(signal.SIGTERM)
    server.wait_for("^caught$")
    server.wait()


@pytest.mark.parametrize(
    "numbers",
    [
        [signal.SIGQUIT],
        [signal.SIGTERM, signal.SIGTERM],
        [signal.SIGINT, signal.SIGINT],
    ],
)
def test_stopping_at_once(start: Starter, numbers: list[signal.Signals]) -> None:
    server = start("--workers", "2")
    workers = server.workers
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(get, server.port, "/sleep?600")
        server.wait_for("^asleep$")
        for number in numbers:
            server.send(number)
            server.wait_for(f"^narthex: info: {number.name}: ")
            time.sleep(0.2)  # two at once are taken for one
        assert server.wait() == 0
        assert isinstance(asked.exception(), (OSError, HTTPException))
    assert server.all_gone(workers)


def test_a_worker_that_ignores_everything_is_killed(
    project: Path, start: Starter
) -> None:
    (project / "app.py").write_text(
        "import ctypes, sys\n"
        "def app(environ, start_response):\n"
        "    if environ['PATH_INFO'] == '/hold':\n"
        "        print('held', file=sys.stderr, flush=True)\n"
        "        ctypes.PyDLL(None).sleep(600)\n"
        "    start_response('200 OK', [])\n"
        "    return [b'x']\n"
    )
    server = start("--supervise", "--graceful-timeout", "0.5")
    (worker,) = server.workers
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(get, server.port, "/hold")
        server.wait_for("^held$")
        server.reload()
        until(lambda: server.all_gone([worker]))
        assert get(server.port).body == b"x"
        assert isinstance(asked.exception(), (OSError, HTTPException))


def test_a_worker_told_to_end_by_somebody_is_replaced(start: Starter) -> None:
    server = start("--workers", "2")
    with Load(server.port).running() as load:
        worker = server.workers[0]
        os.kill(worker, signal.SIGTERM)
        server.wait_for("^narthex: info: a worker was told to end: starting another$")
        until(lambda: server.all_gone([worker]) and server.is_whole(2))
    assert load.lost == []


def test_control_c_reaches_all_and_is_polite(start: Starter) -> None:
    server = start("--workers", "2")
    everybody = [*server.workers, server.process.pid]
    for process in everybody:  # as a terminal does
        os.kill(process, signal.SIGINT)
    assert server.wait() == 0
    assert not [line for line in server.said if "stopping at once" in line]


def test_the_tests_see_children() -> None:
    """If /proc said nothing of children, much here could not fail."""
    command = ["sh", "-c", "sleep 60 & wait"]
    with subprocess.Popen(command) as parent:
        until(lambda: len(children(parent.pid)) == 1)
        for process in (*children(parent.pid), parent.pid):
            os.kill(process, signal.SIGKILL)


def test_a_worker_in_which_a_request_hangs_is_replaced(start: Starter) -> None:
    server = start("--supervise", "--timeout", "1", "--graceful-timeout", "1")
    worker = server.pid()
    with Load(server.port).running() as load:
        assert get(server.port, "/sleep?600").status == 504
        server.wait_for(f"^narthex: warning: process {worker} hangs and is replaced: ")
        until(lambda: server.all_gone([worker]) and server.is_whole(1))
        load.goes_on()
    assert load.lost == []
