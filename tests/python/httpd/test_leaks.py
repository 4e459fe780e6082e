"""What runs for long needs no more memory for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from httpd.site import Site
from support.fronts.program import find_program
from support.messages import Request
from support.processes import descriptors, resident

if TYPE_CHECKING:
    pass
if TYPE_CHECKING:
    from pathlib import Path

_LINES = """\
NarthexPython ${PYTHON}
NarthexGroup suite processes=1 threads=1 ${ENVIRONMENT}
NarthexProcess PROCESS
# Each thread keeps what it needs, from its first request on.
ThreadsPerChild 4
MaxRequestWorkers 4
<Location /app>
    NarthexApp ${HERE}/inside.py:app
</Location>
"""
_REQUESTS = (
    Request(target="/app/env/a?b=c"),
    Request("POST", "/app/echo", body=b"x" * 3_000),
    Request("POST", "/app/count", body=[b"x" * 500] * 4, chunked=True),
    Request(target="/app/status/404"),
    Request(target="/app/raise"),
    Request("HEAD", "/app/text"),
)


def ask(site: Site, times: int) -> None:
    """Sends each of the requests so many times."""
    connection = site.connect()
    for _ in range(times):
        for request in _REQUESTS:
            response = connection.request(request)
            assert response.status in {200, 404, 500}
            if connection.closing:
                connection.close()
                connection = site.connect()
    connection.close()


@pytest.mark.parametrize("process", ["inline", "group:suite"])
def test_memory_and_descriptors_stay(process: str) -> None:
    """10 000 requests of several kinds; httpd closes a connection after a 500."""
    with Site(_LINES.replace("PROCESS", process)) as site:
        # What is kept for good has been by then.
        ask(site, 300)
        watched = site.children() + site.processes()
        memory = {one: resident(one) for one in watched}
        opened = {one: len(descriptors(one)) for one in watched}
        ask(site, 10_000 // len(_REQUESTS))
        for one in watched:
            assert resident(one) - memory[one] < 1 << 20, one
            # A thread has a connection to the group.
            assert len(descriptors(one)) <= opened[one] + 4, descriptors(one)


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_valgrind_has_nothing_to_say_of_the_module(tmp_path: Path) -> None:
    """A thousand requests; what it finds inside of Python is Python's."""
    report = tmp_path / "valgrind.%p"
    before = [
        *(find_program("valgrind"), "--trace-children=yes", "--num-callers=30"),
        # It waits for processes by what valgrind does not know.
        "--trace-children-skip=*narthex-broker",
        *("--leak-check=full", "--show-leak-kinds=definite", f"--log-file={report}"),
    ]
    variables = {"PYTHONMALLOC": "malloc"}
    lines = _LINES.replace("PROCESS", "inline")
    with Site(lines, before=before, variables=variables) as site:
        ask(site, 1_000 // len(_REQUESTS))
    reports = [file.read_text() for file in tmp_path.glob("valgrind.*")]
    # The parent and at least the child that has answered.
    assert sum("HEAP SUMMARY" in report for report in reports) > 1
    found = [
        error
        for report in reports
        for error in re.split(r"\n==\d+== \n", report)
        if "mod_narthex" in error and re.search(r"Invalid|uninitialised|lost", error)
    ]
    assert found == []
