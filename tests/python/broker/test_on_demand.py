"""Processes start with the first request and end when there are none."""

from __future__ import annotations

import errno
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from supervisor.supervised import APP, until

from .asking import OVERLOADED, Connection, get
from .brokered import Refused, all_well, children, who

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Starter

Settings = dict[str, Any]


def test_nothing_runs_until_it_is_asked(
    start: Starter, shop: Settings, app: str
) -> None:
    broker = start({"shop": {**shop, "processes": 2}})
    path = broker.open("shop", app)
    assert broker.open("shop", app) == path
    assert broker.open("shop", "--mount", "/x", app) != path
    assert broker.processes == []
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(get, [path] * 20))
    assert all_well(answers)
    until(lambda: len(broker.processes) == 2)
    assert {int(answer.body.split()[-1]) for answer in answers} <= {*broker.processes}


def test_groups_that_do_not_exist_are_refused(start: Starter, shop: Settings) -> None:
    broker = start({"shop": shop, "broken": {**shop, "python": "/nowhere"}})
    with pytest.raises(Refused, match="there is no group other"):
        broker.open("other", "app.py")
    with pytest.raises(Refused, match="group broken: there is no /nowhere"):
        broker.open("broken", "app.py")
    broker.log.wait_for("error: N321: group broken: there is no /nowhere")
    with pytest.raises(Refused, match="no question"):
        broker.ask("open\n")


def test_each_instance_of_a_template_has_its_own(
    start: Starter, shop: Settings, app: str
) -> None:
    broker = start({"%{DIR}": shop})
    one, two = (broker.open(f"%{{DIR}}:/srv/{name}", app) for name in "ab")
    assert one != two
    assert who(one) != who(two)
    with pytest.raises(Refused, match="no group"):
        broker.open("%{DIR}", app)


def test_idle_processes_end_and_come_back(
    start: Starter, shop: Settings, app: str
) -> None:
    broker = start({"shop": {**shop, "idle": "0.3", "processes": 2}})
    path = broker.open("shop", app)
    with Connection(path) as kept:
        kept.send("/", keep=True)
        first = kept.receive()
        assert first.status == 200
        # The connection stays, but nothing is asked on it.
        broker.log.wait_for("no requests: the workers end")
        until(lambda: not broker.processes)
    assert who(path) != int(first.body.split()[-1])


def test_a_request_that_runs_is_not_idleness(
    start: Starter, shop: Settings, app: str
) -> None:
    broker = start({"shop": {**shop, "idle": "0.2"}})
    assert get(broker.open("shop", app), "/sleep?1.5").status == 200
    assert broker.log.count("no requests") == 0


def test_no_request_is_lost_while_processes_come_and_go(
    start: Starter, shop: Settings, app: str
) -> None:
    # Idle almost at once: a request may meet the end of the last one's process.
    broker = start({"shop": {**shop, "idle": "0.02"}})
    path = broker.open("shop", app)
    answers = []
    for number in range(24):
        time.sleep(number * 0.004)
        answers.append(get(path))
    assert all_well(answers)
    assert broker.log.count("no requests: the workers end") >= 1


def test_what_does_not_start_is_answered_soon_and_tried_again(
    start: Starter, shop: Settings, app: str, project: Path
) -> None:
    (project / "app.py").write_text("import no_such_module\n")
    broker = start({"shop": shop})
    path = broker.open("shop", app)
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(get, [path] * 5))
    for answer in answers:
        assert (answer.status, answer.protocol) == (0, OVERLOADED)
        assert b"group shop" in answer.errors
        assert b"no_such_module" in answer.errors
        assert b"\n" not in answer.errors.strip()
    (project / "app.py").write_text(APP)
    until(lambda: get(path).status == 200)


def test_what_dies_is_started_again(start: Starter, shop: Settings, app: str) -> None:
    broker = start({"shop": shop})
    path = broker.open("shop", app)
    first = who(path)
    lost = get(path, "/exit")
    assert (lost.status, lost.protocol) == (0, None)
    assert who(path) != first
    broker.log.wait_for(f"a worker ended: process {first} exited with status 7")


def test_the_queue_is_as_long_as_it_is_said(
    start: Starter, shop: Settings, app: str, project: Path
) -> None:
    (project / "app.py").write_text("import time\ntime.sleep(600)\n")
    broker = start({"shop": {**shop, "queue": 3, "graceful": 0}})
    path = broker.open("shop", app)
    waiting = [socket.socket(socket.AF_UNIX) for _ in range(10)]
    for client in waiting:
        client.setblocking(False)
    outcomes = [client.connect_ex(path) for client in waiting]
    assert 3 <= outcomes.count(0) <= 4
    assert set(outcomes) == {0, errno.EAGAIN}
    for client in waiting:
        client.close()
    until(lambda: len(children(broker.process.pid)) == 1)
