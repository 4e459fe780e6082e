"""Standard output is the application's: whatever it does there, responses are whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.backends import Backend
from support.server import Server

pytestmark = pytest.mark.api("wsgi")
SITE = Path(__file__).parent / "sites" / "output.py"


@pytest.fixture
def server(backend: Backend) -> Server:
    """The applications of the site."""
    return backend.serve(SITE)


@pytest.mark.parametrize(
    "case",
    [
        "prints",
        "prints_in_body",
        "writes_to_descriptor",
        "writes_to_stderr",
        "shell_writes",
        "reassigns",
        "reassigns_to_log",
        "removes",
        "closes",
    ],
)
def test_response_is_untouched(server: Server, case: str) -> None:
    """Nothing that is printed gets into a response, or keeps one from being sent."""
    response = server.ask(case)
    assert (response.status, response.reason) == (200, "OK")
    assert response.text == "untouched"
    assert server.ask("plain").text == "plain"


def test_standard_input_is_not_the_body(server: Server) -> None:
    """The body is read by wsgi.input, and by nothing else."""
    assert server.ask("reads_stdin", "POST", body=b"the body").text == "the body"


def test_failure_with_nowhere_to_say_so(server: Server) -> None:
    """A failure is a 500 although the standard streams are gone."""
    assert server.ask("fails_afterwards").status == 500
    assert server.ask("plain").text == "plain"
