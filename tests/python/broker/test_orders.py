"""``narthex status``, ``reload`` and ``stop`` for groups, and new definitions."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from supervisor.supervised import APP, until

from .asking import Answer, Connection, get
from .brokered import Refused, all_well, is_running, who

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Starter

Settings = dict[str, Any]


class Load:
    """Asks without pause, on connections of its own, until it is left."""

    def __init__(self, path: str) -> None:
        """Begins."""
        self.answers: list[Answer] = []
        self._path = path
        self._ends = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(3)]

    def __enter__(self) -> Load:
        """Waits for the first answers."""
        for thread in self._threads:
            thread.start()
        until(lambda: len(self.answers) > 10)
        return self

    def __exit__(self, *_: object) -> None:
        """Waits for more, and ends."""
        before = len(self.answers)
        until(lambda: len(self.answers) > before + 10)
        self._ends.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._ends.is_set():
            self.answers.append(get(self._path))


def test_a_reload_fails_no_request(
    start: Starter, shop: Settings, app: str, project: Path
) -> None:
    broker = start({"shop": {**shop, "processes": 2}, "other": shop})
    path, other = broker.open("shop", app), broker.open("other", app)
    kept = who(other)
    with Load(path) as load:
        (project / "app.py").write_text(APP.replace("first", "second"))
        done = broker.command("reload", "shop")
        assert (done.returncode, done.stdout) == (0, b"reloaded\n")
    assert all_well(load.answers)
    # Now and then one that leaves has taken one connection more.
    until(lambda: get(path).body.startswith(b"second "))
    assert who(other) == kept


def test_a_reload_that_fails_keeps_what_runs(
    start: Starter, shop: Settings, app: str, project: Path
) -> None:
    broker = start({"shop": shop})
    path = broker.open("shop", app)
    before = who(path)
    (project / "app.py").write_text("boom(\n")
    failed = broker.command("reload", "shop")
    assert failed.returncode == 1
    assert b"N103" in failed.stderr
    assert who(path) == before


def test_status_shows_what_runs(start: Starter, shop: Settings, app: str) -> None:
    broker = start({"shop": shop, "other": shop})
    empty = json.loads(broker.command("status", "shop", "--json").stdout)
    assert (empty["name"], empty["pools"]) == ("shop", [])
    process = who(broker.open("shop", app))
    broker.open("other", app)
    for name in ("shop", "httpd"):
        status = json.loads(broker.command("status", name, "--json").stdout)
        [pool] = status["pools"]
        assert status["pid"] == broker.process.pid
        assert pool["name"] == f"group shop ({app})"
        assert [worker["pid"] for worker in pool["workers"]] == [process]
    shown = broker.command("status", "httpd").stdout.decode()
    assert "1 of 2 applications run" in shown
    assert str(process) in shown


def test_stop_ends_processes_until_they_are_needed(
    start: Starter, shop: Settings, app: str
) -> None:
    broker = start({"shop": shop})
    path = broker.open("shop", app)
    before = who(path)
    with Connection(path) as running:
        running.send("/sleep?0.5")
        broker.log.wait_for("^asleep$")
        done = broker.command("stop", "shop")
        assert done.returncode == 0, done
        assert b"the next request starts it again" in done.stdout
        assert running.receive().status == 200
    assert not is_running(before)
    assert who(path) != before


def test_a_new_definition_changes_only_what_is_new(
    start: Starter, shop: Settings, app: str
) -> None:
    broker = start({"shop": shop, "other": shop})
    path, other = broker.open("shop", app), broker.open("other", app)
    before, kept = who(path), who(other)
    changed = {**shop, "processes": 2}
    with Load(path) as load:
        broker.define({"shop": changed, "other": shop, "third": shop})
        until(lambda: not is_running(before))
    assert all_well(load.answers)
    assert len(broker.processes) == 3
    assert who(other) == kept
    assert broker.open("shop", app) == path
    assert who(broker.open("third", app)) in broker.processes


def test_a_group_that_is_gone_ends_after_its_requests(
    start: Starter, shop: Settings, app: str
) -> None:
    brief = {**shop, "graceful": "0.5"}
    broker = start({"shop": brief, "other": shop})
    path = broker.open("shop", app)
    before = who(path)
    broker.define({"other": shop})
    with pytest.raises(Refused, match="no group shop"):
        broker.open("shop", app)
    # httpd's old children may still ask.
    assert who(path) == before
    until(lambda: not is_running(before))
    until(lambda: not (broker.folder / "sockets" / "1").exists())


def test_a_change_that_does_not_start_keeps_what_runs(
    start: Starter, shop: Settings, app: str
) -> None:
    broker = start({"shop": shop})
    path = broker.open("shop", app)
    before = who(path)
    broker.define({"shop": {**shop, "chdir": "/nowhere/at/all"}})
    broker.log.wait_for("N323.*the processes of before go on")
    assert who(path) == before


def test_nonsense_is_refused_and_changes_nothing(
    start: Starter, shop: Settings, app: str
) -> None:
    broker = start({"shop": shop})
    good = broker.definition({"shop": shop})
    for bad in (
        "",
        "narthex-broker 0.0.0\nend\n",
        good.removesuffix("end\n"),
        good.replace("end\n", "set colour red\nend\n"),
        good.replace("sockets", "elsewhere"),
    ):
        with pytest.raises(Refused):
            broker.ask("define\n" + bad)
    assert who(broker.open("shop", app))


def test_a_change_of_files_reloads_where_that_is_wanted(
    start: Starter, shop: Settings, app: str, project: Path
) -> None:
    broker = start({"shop": {**shop, "reload": "on", "processes": 2}, "other": shop})
    path, other = broker.open("shop", app), broker.open("other", app)
    who(path)
    kept = who(other)

    def change() -> None:
        # One change, however long it takes to write.
        (project / "new").write_text(APP.replace("first", "second"))
        (project / "new").rename(project / "app.py")

    with Load(path) as load:
        change()
        try:
            broker.log.wait_for("app.py changed: reloading", timeout=5)
        except AssertionError:
            change()  # the first came before anybody watched
            broker.log.wait_for("app.py changed: reloading")
        until(lambda: get(path).body.startswith(b"second "))
        broker.log.wait_for("reloaded: the new workers serve")
    assert all_well(load.answers)
    assert broker.log.count("app.py changed: reloading") == 1
    assert who(other) == kept
