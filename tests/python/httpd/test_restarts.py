"""httpd is restarted while it is asked, and nobody notices."""

from __future__ import annotations

import os
import signal
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from httpd.site import Site, has_ended, until
from support.client import ClosedError
from support.messages import Request
from support.processes import descriptors, resident

if TYPE_CHECKING:
    from support.client import Connection

_LINES = """\
NarthexPython ${PYTHON}
NarthexGroup suite processes=1 ${ENVIRONMENT}
NarthexProcess PROCESS
# A new generation of children beside the one that ends.
<IfModule !mpm_prefork_module>
    ServerLimit 4
    ThreadsPerChild 8
    MaxRequestWorkers 32
</IfModule>
<Location /app>
    NarthexApp ${HERE}/inside.py:app
</Location>
"""


class Client:
    """Asks over and over, in a thread."""

    def __init__(self, site: Site, *, kept: bool) -> None:
        """Begins; one that keeps its connection may ask again when it is closed."""
        self.answers = 0
        self.failures: list[str] = []
        self._site = site
        self._kept = kept
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        connection: Connection | None = None
        request = Request(target="/app/process")
        while not self._over.is_set():
            try:
                fresh = connection is None
                connection = connection or self._site.connect()
                try:
                    response = connection.request(request)
                except (ClosedError, ConnectionError):
                    connection.close()
                    connection = None
                    if fresh:
                        raise
                    continue
                if response.status != 200:
                    self.failures.append(f"{response.status}: {response.text}")
                self.answers += 1
                if not self._kept or connection.closing:
                    connection.close()
                    connection = None
            except Exception as failure:
                self.failures.append(repr(failure))
        if connection:
            connection.close()

    def has_more_than(self, answers: int) -> bool:
        """Whether it has had so many answers and one more."""
        return self.answers > answers

    def stop(self) -> None:
        """Ends it."""
        self._over.set()
        self._thread.join()


def restart(site: Site, number: signal.Signals = signal.SIGUSR1) -> None:
    """Restarts httpd and waits until it has begun again."""
    mark = site.log.mark()
    os.kill(site.httpd.pid, number)
    site.log.wait_for("resuming normal operations", mark)


def restarted(mpm: str, process: str, times: int) -> None:
    """Restarts httpd under load, so many times."""
    lines = "LogLevel notice\n" + _LINES.replace("PROCESS", process)
    with Site(lines, mpm=mpm) as site:
        assert site.ask("/app/process").status == 200
        parent = site.httpd.pid
        clients = [Client(site, kept=kept) for kept in (False, True)]
        try:
            # The first restarts may keep something for good.
            for _ in range(2):
                restart(site)
            memory, opened = resident(parent), sorted(descriptors(parent))
            for _ in range(times):
                asked = clients[0].answers
                restart(site)
                until(partial(clients[0].has_more_than, asked), "answers")
        finally:
            for client in clients:
                client.stop()
        assert [client.failures for client in clients] == [[], []]
        assert min(client.answers for client in clients) > times
        assert resident(parent) - memory < 200_000 + 5_000 * times
        assert len(descriptors(parent)) == len(opened), descriptors(parent)
        until(lambda: len(site.everything()) < 30, "an end of what was before")
        assert site.ask("/app/process").status == 200


@pytest.mark.parametrize("process", ["inline", "group:suite"])
def test_nobody_notices_a_graceful_restart(process: str) -> None:
    restarted("event", process, 5)


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("process", ["inline", "group:suite"])
@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_nobody_notices_many_graceful_restarts(mpm: str, process: str) -> None:
    restarted(mpm, process, 200)


@pytest.mark.parametrize("process", ["inline", "group:suite"])
def test_a_hard_restart(process: str) -> None:
    with Site("LogLevel notice\n" + _LINES.replace("PROCESS", process)) as site:
        assert site.ask("/app/process").status == 200
        before = site.processes(inline=True)
        restart(site, signal.SIGHUP)
        until(lambda: all(map(has_ended, before)), "an end of what was before")
        assert site.ask("/app/process").status == 200


@pytest.mark.parametrize("process", ["inline", "group:suite"])
def test_a_graceful_stop_answers_what_runs(process: str) -> None:
    with Site(_LINES.replace("PROCESS", process)) as site:
        assert site.ask("/app/process").status == 200
        with site.connect() as connection:
            connection.send(Request(target="/app/slow?1"))
            time.sleep(0.3)  # it must have begun; nothing says when
            os.kill(site.httpd.pid, signal.SIGWINCH)
            assert connection.receive().text == "at last"
        everything = site.everything()
        until(lambda: all(map(has_ended, everything)), "an end")


@pytest.mark.parametrize("mpm", ["event", "prefork"])
def test_children_come_and_go(mpm: str) -> None:
    """MaxConnectionsPerChild: each begins Python anew, and ends it in order."""
    lines = _LINES.replace("PROCESS", "inline") + "MaxConnectionsPerChild 5\n"
    with Site(lines, mpm=mpm) as site:
        mark = site.log.mark()
        seen = {site.ask("/app/process").text for _ in range(40)}
        assert len(seen) > 3
        assert not [line for line in site.log.since(mark) if "exit signal" in line]
