"""Every signal does something, says so in a line, and leaves nothing behind."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .running import APP, PATIENCE, get

if TYPE_CHECKING:
    from .conftest import Starter

BIND = ("--bind", "127.0.0.1:0")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_polite_stop(start: Starter, number: signal.Signals) -> None:
    server = start("serve", "app", *BIND)
    assert get(server.wait_for_port()).body == b"hello"
    server.send(number)
    assert server.wait() == 0
    assert [line for line in server.said if number.name in line]


def test_a_quick_stop(start: Starter) -> None:
    server = start("serve", "app", *BIND)
    server.wait_for_port()
    server.send(signal.SIGQUIT)
    assert server.wait() == 0
    assert "narthex: info: SIGQUIT: stopping at once" in server.said


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
def test_other_signals_do_not_end_it(start: Starter, number: signal.Signals) -> None:
    server = start("serve", "app", *BIND)
    port = server.wait_for_port()
    server.send(number)
    server.wait_for(number.name)
    assert get(port).body == b"hello"


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
def test_nor_do_they_during_the_import(
    project: Path, start: Starter, number: signal.Signals
) -> None:
    (project / "app.py").write_text(
        "import os, signal\n" + f"os.kill(os.getpid(), {int(number)})\n" + APP
    )
    server = start("serve", "app", *BIND)
    server.wait_for(f"{number.name}: ignored while starting")
    assert get(server.wait_for_port()).body == b"hello"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_an_import_that_hangs_is_stopped(
    project: Path, start: Starter, number: signal.Signals
) -> None:
    (project / "app.py").write_text(
        "import sys, time\nprint('hanging', file=sys.stderr, flush=True)\n"
        "time.sleep(600)\n"
    )
    server = start("serve", "app", *BIND)
    server.wait_for("hanging")
    server.send(number)
    assert server.wait() == 0
    assert f"narthex: info: {number.name}: stopping before the start" in server.said


SLOW = """\
import sys, time
def app(environ, start_response):
    print("called", file=sys.stderr, flush=True)
    time.sleep(float(environ["QUERY_STRING"]))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"late"]
"""


def test_running_requests_are_finished(project: Path, start: Starter) -> None:
    (project / "app.py").write_text(SLOW)
    server = start("serve", "app", *BIND)
    port = server.wait_for_port()
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(get, port, "/?0.5")
        server.wait_for("^called$")
        server.send(signal.SIGTERM)
        assert asked.result().body == b"late"
    assert server.wait() == 0


def test_a_second_signal_does_not_wait_for_requests(
    project: Path, start: Starter
) -> None:
    (project / "app.py").write_text(
        "import atexit, sys\n"
        "atexit.register(lambda: print('at exit', file=sys.stderr, flush=True))\n"
        + SLOW
    )
    server = start("serve", "app", *BIND)
    port = server.wait_for_port()
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(get, port, "/?600")
        server.wait_for("^called$")
        server.send(signal.SIGTERM)
        server.wait_for("SIGTERM: finishing running requests")
        time.sleep(0.2)  # two signals at once are taken for one
        stopped = time.monotonic()
        server.send(signal.SIGTERM)
        assert server.wait() == 0
        assert time.monotonic() - stopped < 6
        assert isinstance(asked.exception(), (OSError, HTTPException))
    assert "narthex: info: SIGTERM: stopping at once" in server.said
    assert "at exit" in server.said


def test_a_signal_sent_twice_is_one(project: Path, start: Starter) -> None:
    (project / "app.py").write_text(SLOW)
    server = start("serve", "app", *BIND)
    port = server.wait_for_port()
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(get, port, "/?0.5")
        server.wait_for("^called$")
        server.send(signal.SIGTERM)  # as `timeout` does: to the process and its group
        server.wait_for("SIGTERM: finishing running requests")
        server.send(signal.SIGTERM)
        assert asked.result().body == b"late"
    assert server.wait() == 0


def test_handlers_of_the_application_run(project: Path, start: Starter) -> None:
    (project / "app.py").write_text(
        "import os, signal\n"
        "def tell(number, frame):\n"
        "    os.write(2, b'told %d\\n' % number)\n"
        "signal.signal(signal.SIGTERM, tell)\n"
        "signal.signal(signal.SIGALRM, tell)\n" + APP
    )
    server = start("serve", "app", *BIND)
    server.wait_for_port()
    server.send(signal.SIGALRM)
    server.wait_for(f"told {int(signal.SIGALRM)}")
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    assert f"told {int(signal.SIGTERM)}" in server.said


def test_atexit_runs(project: Path, start: Starter) -> None:
    (project / "app.py").write_text(
        "import atexit, sys\n"
        "atexit.register(lambda: print('at exit', file=sys.stderr, flush=True))\n" + APP
    )
    server = start("serve", "app", *BIND)
    server.wait_for_port()
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    assert "at exit" in server.said


def test_the_access_log_is_reopened(project: Path, start: Starter) -> None:
    log = project / "access.log"
    server = start("serve", "app", *BIND, "--access-log", str(log))
    port = server.wait_for_port()
    get(port, "/first")
    deadline = time.monotonic() + PATIENCE
    while "/first" not in log.read_text():  # written when the response is out
        assert time.monotonic() < deadline
        time.sleep(0.01)
    log.rename(project / "access.log.1")
    server.send(signal.SIGUSR1)
    server.wait_for("SIGUSR1: logs reopened")
    get(port, "/second")
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    assert "/first" in (project / "access.log.1").read_text()
    assert "/second" not in (project / "access.log.1").read_text()
    assert "/second" in log.read_text()


def test_nothing_is_done_while_nothing_happens(start: Starter) -> None:
    server = start("serve", "app", *BIND)
    server.wait_for_port()

    def switches() -> int:
        text = Path(f"/proc/{server.process.pid}/status").read_text()
        return int(text.partition("\nvoluntary_ctxt_switches:")[2].split()[0])

    before = switches()
    time.sleep(0.5)
    assert switches() - before <= 2
