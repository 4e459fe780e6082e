"""The broker lives as long as httpd, and its processes no longer than the broker."""

from __future__ import annotations

import ast
import os
import socket
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from supervisor.supervised import descriptors, until

from .asking import Connection, get
from .brokered import How, Refused, is_running, who

if TYPE_CHECKING:
    from .conftest import Starter

Settings = dict[str, Any]


def test_it_ends_with_httpd_after_the_requests(
    start: Starter, shop: Settings, app: str
) -> None:
    with subprocess.Popen(["sleep", "600"]) as httpd:
        broker = start({"shop": shop}, How(httpd=httpd.pid))
        path = broker.open("shop", app)
        process = who(path)
        with Connection(path) as running:
            running.send("/sleep?0.3")
            broker.log.wait_for("^asleep$")
            httpd.kill()
            httpd.wait()
            assert running.receive().status == 200
        assert broker.process.wait(20) == 0
        assert not is_running(process)


def test_nothing_stays_when_it_is_killed(
    start: Starter, shop: Settings, app: str
) -> None:
    broker = start({"shop": {**shop, "processes": 2}})
    path = broker.open("shop", app)
    who(path)
    until(lambda: len(broker.processes) == 2)
    processes = broker.processes
    broker.kill()
    until(lambda: not any(is_running(process) for process in processes))
    # What it leaves is swept by the next one.
    again = start({"shop": shop}, folder=broker.folder)
    assert who(again.open("shop", app))


def test_a_definition_that_cannot_be_is_refused(start: Starter, shop: Settings) -> None:
    with pytest.raises(Refused, match=r"N320: .*no user nobody-at-all"):
        start({"shop": shop}, How(run_as="nobody-at-all"))


def test_processes_get_nothing_of_httpd(
    start: Starter, shop: Settings, project: Path
) -> None:
    (project / "app.py").write_text(
        "import os\n\n\ndef app(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    yield repr([dict(os.environ), os.getcwd(), os.umask(0o022)]).encode()\n"
    )
    leak, other = socket.socketpair()
    os.set_inheritable(leak.fileno(), True)
    with leak, other:
        given = shop["env"]
        assert isinstance(given, list)
        settings = {**shop, "umask": "027", "env": [*given, "A=b c=d"]}
        broker = start({"shop": settings}, How(inherited=(leak.fileno(),)))
        path = broker.open("shop", f"{project}/app.py:app")
        environment, directory, umask = ast.literal_eval(get(path).body.decode())
        mark = f"socket:[{os.fstat(leak.fileno()).st_ino}]"
        [process] = broker.processes
        assert mark in descriptors(broker.process.pid)
        assert mark not in descriptors(process)
    assert directory == str(project)
    assert umask == 0o027
    assert environment.pop("LC_CTYPE", "C.UTF-8") == "C.UTF-8"
    assert environment["A"] == "b c=d"
    assert set(environment) == {
        "A",
        "HOME",
        "LANG",
        "LOGNAME",
        "PATH",
        "PYTHONPATH",
        "USER",
    }


def test_only_this_user_reaches_the_sockets(
    start: Starter, shop: Settings, app: str
) -> None:
    broker = start({"shop": shop})
    path = Path(broker.open("shop", app))
    for each in (path, Path(broker.control)):
        assert stat.S_IMODE(each.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_signals_to_httpds_group_do_not_reach_it(
    start: Starter, shop: Settings, app: str
) -> None:
    broker = start({"shop": shop})
    process = who(broker.open("shop", app))
    for each in (broker.process.pid, process):
        assert os.getpgid(each) == broker.process.pid
        assert os.getpgid(each) != os.getpgrp()


def test_a_program_that_nobody_should_start_says_so() -> None:
    from narthex._apache.native import broker

    told = subprocess.run([broker()], capture_output=True, check=False, timeout=20)
    assert told.returncode == 2
    assert b"started by mod_narthex" in told.stderr
