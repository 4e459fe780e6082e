"""PEP 3333: wsgi.file_wrapper."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from support.backends import Backend
from support.server import Server, request_for
from wsgi.sites import files
from wsgi.sites.files import CONTENT

pytestmark = pytest.mark.api("wsgi")


@pytest.fixture
def server(backend: Backend) -> Server:
    """The applications of the site."""
    return backend.serve(Path(files.__file__))


@pytest.fixture
def token() -> str:
    """A name for one request in the log."""
    return uuid.uuid4().hex


# What is sent, and whether the file says in the log that it is closed.
SENT = {
    "whole": (CONTENT, True),
    "with_length": (CONTENT, True),
    "real_file": (CONTENT, False),
    "block_size": (CONTENT, True),
    "in_memory": (CONTENT, True),
    "without_descriptor": (CONTENT, True),
    "positioned": (CONTENT[10:], True),
    "partly_read": (CONTENT[10:], False),
    "compressed": (CONTENT, False),
    "pipe": (CONTENT[:4000], False),
    "unbuffered": (CONTENT, False),
    "empty": (b"", True),
    "longer_than_declared": (CONTENT[:10], True),
    "iterated": (CONTENT.upper(), True),
    "written_first": (b"written " + CONTENT, False),
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("case", SENT)
def test_file(server: Server, token: str, case: str, method: str) -> None:
    """The file is sent from where it stands, then closed, once."""
    sent, closes = SENT[case]
    response, after = server.conversation(
        request_for(case, method, headers=[("X-Token", token)]), request_for("plain")
    )
    assert response.status == 200
    assert response.complete
    assert response.header("content-type") == "text/plain"
    assert response.body == (sent if method == "GET" else b"")
    assert after.text == "plain"
    if closes:
        server.log.wait_for(f"closed {token}")
        assert server.log.count(f"closed {token}") == 1


@pytest.mark.parametrize("case", ["shorter_than_declared", "fails"])
@pytest.mark.excused(lacks="truncation")
@pytest.mark.excused(fact="may_hide_a_cut")
def test_truncation(server: Server, token: str, case: str) -> None:
    """A file that ends too early, or fails, is not taken for whole."""
    try:
        server.cut(request_for(case, headers=[("X-Token", token)]))
    except AssertionError:
        response = server.ask(case, headers=[("X-Token", token)])
        assert response.status == 500
    server.log.wait_for(f"closed {token}")
    assert server.ask("plain").text == "plain"


def test_file_that_is_not_sent(server: Server, token: str) -> None:
    """Where no body belongs the file is closed all the same."""
    response, after = server.conversation(
        request_for("not_modified", headers=[("X-Token", token)]), request_for("plain")
    )
    assert (response.status, response.body) == (304, b"")
    assert after.text == "plain"
    server.log.wait_for(f"closed {token}")


def test_file_in_parallel(server: Server, token: str) -> None:
    """Several files are sent at once."""
    request = request_for("whole", headers=[("X-Token", token)])
    answers = [server.begin(request) for _ in range(4)]
    assert all(answer.result(timeout=30).body == CONTENT for answer in answers)
