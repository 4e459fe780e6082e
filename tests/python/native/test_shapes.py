"""What an application may be."""

from __future__ import annotations

import concurrent.futures
import subprocess
from typing import TYPE_CHECKING

import pytest
from conftest import PATIENCE, SERVERS, command

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Site


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ("respond", "responds to you"),
        ("called", "called you"),
        ("partial", "greets you"),
    ],
)
def test_callables_and_objects_that_respond(
    backend: str, start: Callable[..., Site], attribute: str, expected: str
) -> None:
    options = ("--api", "transaction")
    site = start(backend, f"shapes:{attribute}", *options)
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
    options = ("--api", "transaction", "--bind", "127.0.0.1:0")
    ran = subprocess.run(
        [*command("serve", application), *options],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ran.returncode != 0
    assert "Traceback" not in ran.stderr
    return ran.stderr


@pytest.mark.parametrize("backend", SERVERS, scope="session")
def test_one_at_a_time_where_that_is_asked_for(
    backend: str, start: Callable[..., Site]
) -> None:
    site = start(backend, "shapes:alone", "--serialize", "--api", "transaction")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(site.ask, "/") for _ in range(8)]
        assert {answer.result().text for answer in answers} == {"at most 1"}
