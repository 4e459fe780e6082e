"""Groups: what their settings do, and that nothing an application does harms others."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import pytest

from httpd.site import Site, has_ended, until
from support.processes import resident

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINES = """\
NarthexPython ${PYTHON}
NarthexGroup suite ${ENVIRONMENT} SETTINGS
NarthexProcess group:suite
<Location /app>
    NarthexApp ${HERE}/inside.py:app
</Location>
"""


def grouped(settings: str) -> Site:
    """The application in a group with these settings."""
    return Site(_LINES.replace("SETTINGS", settings))


def process(site: Site) -> int:
    """The process that answers."""
    response = site.ask("/app/process")
    assert response.status == 200, response.text
    return int(response.text)


def test_a_group_that_is_not_used_costs_nothing() -> None:
    with grouped("processes=2") as site:
        assert site.ask("/nowhere").status == 404
        assert site.processes() == []
        assert process(site) in site.processes()
        until(lambda: len(site.processes()) == 2, "two processes")


def test_processes_end_when_nobody_asks_and_come_back() -> None:
    with grouped("idle=1") as site:
        first = process(site)
        until(partial(has_ended, first), "an end")
        until(lambda: site.processes() == [], "an end of all")
        assert process(site) != first


def test_threads_answer_at_once_and_others_wait() -> None:
    with grouped("processes=1 threads=4") as site, ThreadPoolExecutor(12) as pool:
        assert process(site)
        answers = [pool.submit(site.ask, "/app/slow?0.3") for _ in range(12)]
        assert [answer.result().status for answer in answers] == [200] * 12


def test_a_queue_has_an_end() -> None:
    """Beyond it requests are refused at once, and those within are answered."""
    with grouped("processes=1 threads=1 queue=2") as site:
        assert process(site)
        with ThreadPoolExecutor(10) as pool:
            answers = [pool.submit(site.ask, "/app/slow?1") for _ in range(10)]
            statuses = [answer.result().status for answer in answers]
        assert set(statuses) == {200, 503}
        assert 3 <= statuses.count(200) <= 5
        assert process(site)


def test_a_process_is_replaced_after_its_requests() -> None:
    with grouped("processes=1 max-requests=5") as site:
        first = process(site)
        until(lambda: process(site) != first, "another process")


def test_a_process_that_grows_is_replaced() -> None:
    with grouped("processes=1 max-rss=150M") as site:
        first = process(site)
        for _ in range(8):
            if site.ask("/app/fill?30").status != 200:
                break
        until(lambda: process(site) != first, "another process")
        assert resident(process(site)) < 150 << 20


def test_a_request_that_hangs_is_given_up() -> None:
    """504, the stacks in the log, and the process is replaced."""
    with grouped("processes=1 timeout=1 graceful=1") as site:
        first = process(site)
        mark = site.log.mark()
        assert site.ask("/app/loop").status == 504
        site.log.wait_for(r"in on_loop", mark)
        until(partial(has_ended, first), "an end of the process")
        assert process(site) != first


@pytest.fixture(scope="module")
def two() -> Iterator[Site]:
    lines = """\
NarthexPython ${PYTHON}
NarthexGroup good ${ENVIRONMENT}
NarthexGroup bad ${ENVIRONMENT} timeout=1 max-rss=300M
<Location /app>
    NarthexProcess group:bad
    NarthexApp ${HERE}/inside.py:app
</Location>
<Location /good>
    NarthexProcess group:good
    NarthexApp ${HERE}/inside.py:app
</Location>
"""
    with Site(lines) as site:
        yield site


@pytest.mark.parametrize(
    ("target", "statuses"),
    [
        ("/app/raise", {500}),
        ("/app/exit", {500}),
        ("/app/vanish", {502}),
        ("/app/abort", {502}),
        ("/app/loop", {504}),
        ("/app/fill?400", {200, 502}),
    ],
)
def test_what_breaks_harms_nobody_else(
    two: Site, target: str, statuses: set[int]
) -> None:
    """One request fails; the group recovers; the other site knows nothing of it."""
    other = two.ask("/good/process").text
    assert two.ask(target).status in statuses
    assert two.ask("/good/process").text == other
    until(lambda: two.ask("/app/echo").status == 200, "a group that answers")
    assert two.ask("/good/process").text == other


def test_an_application_that_does_not_load_harms_nobody_else() -> None:
    lines = """\
NarthexPython ${PYTHON}
<Location /broken>
    NarthexApp ${HERE}/broken.py:app
</Location>
<Location /good>
    NarthexApp ${HERE}/inside.py:app
</Location>
"""
    with Site(lines) as site:
        (site.here / "broken.py").write_text("import nowhere_to_be_found\n")
        assert site.ask("/good/echo").status == 200
        assert site.ask("/broken/").status in {500, 502, 503}
        site.log.wait_for("nowhere_to_be_found")
        assert site.ask("/good/echo").status == 200
        (site.here / "broken.py").write_text("from inside import app\n")
        until(lambda: site.ask("/broken/echo").status == 200, "an application")


def test_a_worker_that_is_killed_is_replaced() -> None:
    with grouped("processes=1") as site:
        for _ in range(3):
            before = process(site)
            os.kill(before, signal.SIGKILL)
            until(partial(has_ended, before), "an end")
            assert process(site) != before
