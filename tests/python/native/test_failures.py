"""Failures cost one response and nothing else."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

import pytest
from conftest import PATIENCE, SERVERS, Server, assert_cut

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Site


@pytest.mark.parametrize(
    ("page", "logged"),
    [
        ("failure", "LookupError: failed on purpose"),
        ("leaving", "SystemExit: 3"),
        ("interrupted", "KeyboardInterrupt"),
    ],
)
def test_before_the_head_it_is_a_500(site: Site, page: str, logged: str) -> None:
    answer = site.ask(f"/{page}")
    assert (answer.status, answer.body) == (500, b"Internal Server Error\n")
    log = site.wait_for_log(logged)
    assert f"in {page}" in log, "the traceback names the handler"
    assert site.ask("/text").status == 200, "the next request works"


@pytest.mark.parametrize("page", ["late_failure", "generator_failure"])
def test_after_the_head_the_response_is_cut(site: Site, page: str) -> None:
    for _ in range(2):
        assert_cut(site.ask(f"/{page}"), site, b"seen")
    site.wait_for_log("LookupError: failed")
    assert site.ask("/text").status == 200


@pytest.mark.parametrize(
    ("page", "logged"),
    [("endless", "endless closed"), ("endless_writes", "gone True")],
)
@pytest.mark.parametrize("backend", SERVERS, scope="session")
def test_a_client_that_goes_away(
    backend: str, start: Callable[..., Site], page: str, logged: str
) -> None:
    server = start(backend, "everything")
    assert isinstance(server, Server)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, PATIENCE)
    connection.request("GET", f"/{page}")
    response = connection.getresponse()
    assert response.read(100_000) == b"x" * 100_000
    response.close()
    connection.close()
    log = server.wait_for_log(logged)
    assert "Traceback" not in log.partition(logged)[2].partition("narthex: ")[0]


def test_developers_on_this_machine_see_the_failure(
    backend: str, start: Callable[..., Site]
) -> None:
    answer = start(backend, "everything", "--debug").ask("/failure")
    assert answer.status == 500
    assert answer.value("content-type") == "text/html; charset=utf-8"
    assert "failed on purpose" in answer.text
