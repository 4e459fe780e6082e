"""What an application may be."""

from __future__ import annotations

import concurrent.futures
import subprocess

import pytest

from native.site import APPLICATIONS, serve
from support.backends import Backend
from support.server import python_command

pytestmark = pytest.mark.api("transaction")


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ("respond", "responds to you"),
        ("called", "called you"),
        ("partial", "greets you"),
    ],
)
def test_callables_and_objects_that_respond(
    backend: Backend, attribute: str, expected: str
) -> None:
    site = serve(backend, f"shapes:{attribute}")
    assert site.ask("/?who=you").text == expected


@pytest.mark.parametrize(
    "attribute", ["coroutine", "generator", "async_respond", "async_call"]
)
def test_asynchronous_ones_are_refused_at_the_start(attribute: str) -> None:
    assert "is asynchronous" in refusal(f"shapes:{attribute}")


def test_what_is_no_application_is_refused_at_the_start() -> None:
    refusal("shapes:number")


def refusal(application: str) -> str:
    """What is said of an application that cannot be served."""
    file, _, attribute = application.partition(":")
    command = python_command("serve", f"{APPLICATIONS / file}.py:{attribute}")
    ran = subprocess.run(
        [*command, "--api", "transaction", "--bind", "127.0.0.1:0"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode != 0
    assert "Traceback" not in ran.stderr
    return ran.stderr


@pytest.mark.excused(has="run_once", because="there is one at a time in any case")
def test_one_at_a_time_where_that_is_asked_for(backend: Backend) -> None:
    site = serve(backend, "shapes:alone", "--serialize")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(site.ask, "/") for _ in range(8)]
        assert {answer.result().text for answer in answers} == {"at most 1"}
