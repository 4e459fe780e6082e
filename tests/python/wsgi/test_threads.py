"""Threads and processes of the application's own, and `--serialize`."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from support.backends import Backend
from support.server import Server, request_for
from wsgi.sites import threads

pytestmark = pytest.mark.api("wsgi")
SITE = Path(threads.__file__)


@pytest.fixture
def server(backend: Backend) -> Server:
    """The applications of the site."""
    return backend.serve(SITE)


def test_serialize(backend: Backend) -> None:
    """With --serialize no two requests meet, body included, and the flag says so."""
    server = backend.serve(SITE, options=("--serialize",))
    request = request_for("overlap")
    answers = [server.begin(request) for _ in range(6)]
    texts = [answer.result(timeout=30).text for answer in answers]
    assert texts == ["1 False"] * 6


def test_serialize_ends_with_the_client(backend: Backend) -> None:
    """A client that vanishes does not keep the next request out."""
    server = backend.serve(SITE, options=("--serialize",))
    for _ in range(3):
        server.abandon(request_for("overlap"), after=1)
    assert server.ask("plain").text == "plain"


@pytest.mark.excused(lacks="multithread")
@pytest.mark.excused(fact="one_request_for_each_process")
def test_requests_meet(server: Server) -> None:
    """Without it, two requests are in the application at once."""
    one, other = server.begin(request_for("meet")), server.begin(request_for("meet"))
    assert one.result(timeout=20).text == other.result(timeout=20).text == "met"


def test_own_threads(server: Server) -> None:
    """An application may use threads of its own for all it is given."""
    token = uuid.uuid4().hex
    response = server.ask(
        "own_threads", "POST", headers=[("X-Token", token)], body=b"x" * 100_000
    )
    assert response.body == b"x" * 100_000 + b" 328350"
    server.log.wait_for(f"from a thread {token}")


def test_written_by_threads(server: Server) -> None:
    """The write callable works in any thread."""
    assert server.ask("written_by_threads").text == "from a thread"


@pytest.mark.excused(lacks="persistent", because="the process ends with the request")
@pytest.mark.excused(fact="several_processes")
def test_background_thread(server: Server) -> None:
    """A thread that is left behind goes on running."""
    assert server.ask("start_background").text == "started"
    assert server.ask("see_background").text == "ran"


def test_fork(server: Server) -> None:
    """A forked child that leaves quietly harms nothing."""
    for _ in range(3):
        assert server.ask("forks").text == "child ended with 7"
    assert server.ask("plain").text == "plain"


def test_program(server: Server) -> None:
    """An application may run programs."""
    assert server.ask("runs").text == "42"


def test_program_with_our_streams(server: Server) -> None:
    """A program that inherits our streams reaches neither response nor request."""
    response, after = server.conversation(
        request_for("runs_loudly", "POST", body=b"kept\n"), request_for("plain")
    )
    assert response.text == "quiet kept\n"
    assert after.text == "plain"
