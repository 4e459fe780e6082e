"""Quixote's demo answers on every backend what it answers on its own server."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.backends import Backend
from support.messages import Request
from support.server import Server

pytestmark = pytest.mark.api("wsgi")


@pytest.fixture
def server(backend: Backend) -> Server:
    """The demo; Quixote refuses to be called by several threads."""
    file = Path(__file__).with_name("quixote_demo.py")
    return backend.serve(file, options=("--serialize",))


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
