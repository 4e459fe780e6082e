"""``narthex status``, ``reload`` and ``stop``, and the files that go with them."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from command.running import get, run

from .supervised import APP, until

if TYPE_CHECKING:
    from .conftest import Starter


def test_status(start: Starter) -> None:
    server = start("--workers", "2")
    told = server.command("status", "--json")
    assert told.returncode == 0
    status = json.loads(told.stdout)
    assert status["pid"] == server.process.pid
    assert (status["name"], status["wanted"], status["serving"]) == ("shop", 2, 2)
    assert {worker["pid"] for worker in status["workers"]} == set(server.workers)
    assert all(worker["rss"] > 1 << 20 for worker in status["workers"])
    shown = server.command("status", "shop")
    assert shown.stdout.startswith(b"shop: process ")
    assert str(server.workers[0]).encode() in shown.stdout


def test_reload_waits_and_says_how_it_ended(project: Path, start: Starter) -> None:
    server = start("--workers", "2")
    (project / "app.py").write_text(APP.replace("first", "second"))
    done = server.command("reload")
    assert (done.returncode, done.stdout) == (0, b"reloaded\n")
    # An old worker may have accepted this connection in its last moment.
    until(lambda: get(server.port).body.startswith(b"second "))
    (project / "app.py").write_text("boom(\n")
    failed = server.command("reload", "shop")
    assert failed.returncode == 1
    assert b"N227" in failed.stderr
    assert b"N103" in failed.stderr
    assert get(server.port).body.startswith(b"second ")


def test_stop_waits_for_requests_and_stop_now_does_not(start: Starter) -> None:
    server = start("--supervise")
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(get, server.port, "/sleep?0.5")
        server.wait_for("^asleep$")
        assert server.command("stop").returncode == 0
        assert asked.result().status == 200
    assert server.wait() == 0
    other = start("--supervise")
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(get, other.port, "/sleep?600")
        other.wait_for("^asleep$")
        assert other.command("stop", "--now").returncode == 0
        assert asked.exception() is not None
    assert other.wait() == 0


def test_names(start: Starter, runtime: Path, project: Path) -> None:
    env = {"NARTHEX_RUNTIME_DIR": str(runtime)}
    nobody = run("status", cwd=project, env=env)
    assert nobody.returncode == 1
    assert b"N228" in nobody.stderr
    start("--supervise")
    again = start("--supervise", ready=False)
    assert again.wait() == 1
    assert [line for line in again.said if "N222" in line]
    unnamed = start("--supervise", named=False)
    several = run("status", cwd=project, env=env)
    assert several.returncode == 1
    assert b"shop" in several.stderr
    assert f"app-{unnamed.process.pid}".encode() in several.stderr
    wrong = run("stop", "other", cwd=project, env=env)
    assert wrong.returncode == 1
    assert b"N228" in wrong.stderr


def test_a_killed_server_leaves_no_name(start: Starter, runtime: Path) -> None:
    server = start("--supervise")
    workers = server.workers
    server.close()
    until(lambda: server.all_gone(workers))
    assert (runtime / "shop.sock").exists()
    start("--supervise").pid()
    assert runtime.stat().st_mode & 0o777 == 0o700


def test_a_directory_that_others_can_read_is_not_used(
    start: Starter, runtime: Path
) -> None:
    runtime.mkdir(mode=0o755)
    runtime.chmod(0o755)
    server = start("--supervise", ready=False)
    assert server.wait() == 1
    assert [line for line in server.said if "N225" in line]
    unnamed = start("--supervise", named=False)  # serves all the same
    assert unnamed.pid()
    assert list(runtime.iterdir()) == []


def test_whoever_talks_nonsense_is_not_waited_for(
    start: Starter, runtime: Path
) -> None:
    server = start("--supervise")
    for nonsense in (b"", b"x" * 1000, b"status\nstatus\n", b"\xff\n"):
        with socket.socket(socket.AF_UNIX) as talking:
            talking.connect(str(runtime / "shop.sock"))
            talking.sendall(nonsense)
    silent = socket.socket(socket.AF_UNIX)
    with silent:
        silent.connect(str(runtime / "shop.sock"))
        assert server.status()["serving"] == 1


@pytest.mark.parametrize("words", [("--workers", "2"), ()])
def test_a_pid_file(start: Starter, project: Path, words: tuple[str, ...]) -> None:
    server = start(*words, "--pid-file", "server.pid")
    path = project / "server.pid"
    assert int(path.read_text()) == server.process.pid
    second = start(*words, "--pid-file", "server.pid", ready=False, named=False)
    assert second.wait() == 1
    assert [line for line in second.said if "N224" in line]
    assert int(path.read_text()) == server.process.pid
    server.process.terminate()
    assert server.wait() == 0
    assert not path.exists()
