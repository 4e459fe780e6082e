"""Failures cost one response and nothing else."""

from __future__ import annotations

import pytest

from native.site import Site, serve
from support.backends import Backend
from support.messages import Request

pytestmark = pytest.mark.api("transaction")


@pytest.mark.parametrize(
    ("page", "logged"),
    [
        ("failure", "LookupError: failed on purpose"),
        ("leaving", "SystemExit: 3"),
        ("interrupted", "KeyboardInterrupt"),
    ],
)
def test_before_the_head_it_is_a_500(site: Site, page: str, logged: str) -> None:
    mark = site.server.log.mark()
    answer = site.ask(f"/{page}")
    assert (answer.status, answer.body) == (500, b"Internal Server Error\n")
    site.wait_for_log(f"in {page}", mark)  # the traceback names the handler
    site.wait_for_log(logged, mark)
    assert site.ask("/text").status == 200, "the next request works"


@pytest.mark.parametrize("page", ["late_failure", "generator_failure"])
@pytest.mark.excused(fact="may_hide_a_cut")
def test_after_the_head_the_response_is_cut(site: Site, page: str) -> None:
    mark = site.server.log.mark()
    for _ in range(2):
        site.assert_cut(f"/{page}", b"seen")
    site.wait_for_log("LookupError: failed", mark)
    assert site.ask("/text").status == 200


@pytest.mark.parametrize(
    ("page", "logged"),
    [("endless", "endless closed"), ("endless_writes", "gone True")],
)
@pytest.mark.excused(fact="ends_programs")
def test_a_client_that_goes_away(site: Site, page: str, logged: str) -> None:
    mark = site.server.log.mark()
    site.server.abandon(Request("GET", f"/{page}"), 100_000)
    site.wait_for_log(logged, mark)
    assert site.ask("/text").status == 200
    failed = f"failed (GET /{page}"
    assert not any(failed in line for line in site.server.log.since(mark))


def test_developers_on_this_machine_see_the_failure(backend: Backend) -> None:
    answer = serve(backend, "everything", "--debug").ask("/failure")
    assert answer.status == 500
    assert answer.header("content-type") == "text/html; charset=utf-8"
    assert "failed on purpose" in answer.text
