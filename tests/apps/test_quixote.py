"""Quixote's demos answer on every backend what they answer on its own server."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.backends import Backend
from support.browser import Browser
from support.messages import Request
from support.server import Server

pytestmark = pytest.mark.api("wsgi")
HERE = Path(__file__).parent
# Quixote refuses to be called by several threads.
OPTIONS = ("--serialize",)


@pytest.fixture
def server(backend: Backend) -> Server:
    """The demo."""
    return backend.serve(HERE / "quixote_demo.py", options=OPTIONS)


@pytest.fixture
def visitor(backend: Backend) -> Browser:
    """A visitor of the demo of sessions."""
    return Browser(backend.serve(HERE / "quixote_altdemo.py", options=OPTIONS))


@pytest.mark.parametrize(
    ("target", "status", "size", "text"),
    [
        ("/plain", 200, 30, "This is a plain text document."),
        ("/simple", 200, 32, ""),
        ("/css", 200, 49, ""),
        ("/", 200, None, "Hello, world!"),
        ("/publish_error", 400, None, ""),
        ("/error", 500, None, "Traceback"),
        ("/nosuch", 404, None, ""),
        ("/extras/form", 200, None, "<form"),
    ],
)
def test_page(
    server: Server, target: str, status: int, size: int | None, text: str
) -> None:
    """Each page has its status, its size and its text."""
    response = server.request(Request(target=target))
    assert response.status == status
    assert response.complete
    assert text in response.text
    if size is not None:
        assert len(response.body) == size
    if target == "/css":
        assert (response.header("content-type") or "").startswith("text/css")


def test_at_once(server: Server) -> None:
    """Several clients at once wait for their turn."""
    answers = [server.begin(Request(target="/plain")) for _ in range(5)]
    for answer in answers:
        assert answer.result(timeout=30).text == "This is a plain text document."


def test_login(visitor: Browser) -> None:
    """A form is read, and begins a session."""
    assert '<form method="POST" action="login">' in visitor.ask("/login").text
    response = visitor.post("/login", name="Greg")
    assert response.status == 200
    assert "Welcome, Greg!" in response.text
    assert visitor.cookies["QX_session"]


@pytest.mark.excused(has="run_once", because="the sessions end with the process")
def test_session(visitor: Browser) -> None:
    """A session lasts until its visitor logs out, and is nobody else's."""
    visitor.post("/login", name="Greg")
    assert "Hello, Greg." in visitor.ask("/").text
    assert "Hello" not in Browser(visitor.server).ask("/").text
    assert "Goodbye, Greg." in visitor.ask("/logout").text
    assert "Hello" not in visitor.ask("/").text
