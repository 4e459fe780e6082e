"""wsgiref.validate finds no fault with the server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.backends import Backend
from support.excuses import excuse
from support.server import Server
from wsgi.sites import validated

pytestmark = pytest.mark.api("wsgi")


@pytest.fixture(params=["", "/mounted"], ids=["root", "mounted"])
def mount(request: pytest.FixtureRequest) -> str:
    """Where the application is mounted."""
    return str(request.param)


@pytest.fixture
def server(backend: Backend, mount: str) -> Server:
    """The applications of the site."""
    return backend.serve(Path(validated.__file__), mount=mount)


def test_get(server: Server, mount: str) -> None:
    """A path with escapes is decoded once, as Latin-1."""
    response = server.ask("show", target=f"{mount}/a%20b/%E2%82%AC%2Fx")
    assert response.status == 200
    assert json.loads(response.body)["path"] == "/a b/\xe2\x82\xac/x"


def test_head(server: Server, mount: str) -> None:
    """HEAD is no different for the application."""
    response = server.ask("show", "HEAD", f"{mount}/")
    assert (response.status, response.body) == (200, b"")


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_post(backend: Backend, server: Server, mount: str, chunked: bool) -> None:
    """A body is seen, whatever its framing."""
    if chunked:
        excuse(backend, "refuses_chunked_bodies")
    response = server.ask(
        "show",
        "POST",
        f"{mount}/",
        [("Content-Type", "text/plain")],
        [b"the ", b"body"] if chunked else b"the body",
        chunked=chunked,
    )
    assert response.status == 200
    known = json.loads(response.body)
    assert known["body"] == "the body"
    assert known["terminated"] is True


@pytest.mark.excused(fact="answers_for_the_server")
def test_options_of_the_server(server: Server, mount: str) -> None:
    """`OPTIONS *` has a path that the validator takes."""
    response = server.ask("show", "OPTIONS", "*")
    assert response.status == 200
    assert json.loads(response.body)["path"] == ""


def test_lines(server: Server, mount: str) -> None:
    """Lines are read, and a generator is sent."""
    response = server.ask("lines", "POST", f"{mount}/", body=b"one\ntwo\nthree")
    assert (response.status, response.text) == (200, "ONE\nTWO\nTHREE")


def test_write(server: Server, mount: str) -> None:
    """The write callable is one."""
    response = server.ask("writes", target=f"{mount}/")
    assert (response.status, response.text) == (200, "written and returned")


def test_nothing(server: Server, mount: str) -> None:
    """A 204 is one."""
    assert server.ask("nothing", target=f"{mount}/").status == 204
