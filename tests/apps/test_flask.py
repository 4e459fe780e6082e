"""A site by Flask answers the same on every backend, at the root and mounted."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from support.backends import Backend
from support.browser import Browser

pytestmark = pytest.mark.api("wsgi")
SITE = Path(__file__).with_name("flask_site.py")


@pytest.fixture(params=["", "/flask"], ids=["root", "mounted"])
def visitor(backend: Backend, request: pytest.FixtureRequest) -> Browser:
    """A visitor of the site."""
    return Browser(backend.serve(SITE, mount=request.param), request.param)


def test_index(visitor: Browser) -> None:
    """A query is decoded."""
    assert visitor.ask("/").text == "Hello, world!"
    assert visitor.ask("/?who=%C3%A6+b").text == "Hello, æ b!"


def test_form_and_session(visitor: Browser) -> None:
    """A form leads to a page that knows its session."""
    assert visitor.ask("/me").text == "You are nobody."
    response = visitor.post("/form", name="Greg")
    assert response.status == 302
    assert response.header("location") == f"{visitor.mount}/me"
    assert visitor.ask("/me").text == "You are Greg."


def test_upload(visitor: Browser) -> None:
    """A large file is uploaded whole."""
    data = bytes(range(256)) * 4000
    known = json.loads(visitor.upload("/upload", "file", "f.bin", data).body)
    digest = hashlib.sha256(data).hexdigest()
    assert known == {"name": "f.bin", "size": len(data), "digest": digest}


def test_stream(visitor: Browser) -> None:
    """A stream arrives whole."""
    response = visitor.ask("/stream")
    assert response.complete
    assert response.text == "".join(f"line {number}\n" for number in range(1000))


def test_file(visitor: Browser) -> None:
    """A file is sent, in part where asked, and not at all where known."""
    response = visitor.ask("/file")
    assert response.body == SITE.read_bytes()
    part = visitor.ask("/file", "GET", b"", ("Range", "bytes=3-9"))
    assert (part.status, part.body) == (206, SITE.read_bytes()[3:10])
    tag = ("If-None-Match", response.header("etag") or "")
    known = visitor.ask("/file", "GET", b"", tag)
    assert (known.status, known.body) == (304, b"")
    head = visitor.ask("/file", "HEAD")
    assert head.header("content-length") == str(len(response.body))


def test_paths(visitor: Browser) -> None:
    """Paths are decoded, and URLs are built for the mount point."""
    known = json.loads(visitor.ask("/paths/a%20b/%E2%82%AC").body)
    assert known["rest"] == "a b/€"
    assert known["root"] == visitor.mount
    assert known["url"].endswith(f"{visitor.mount}/paths/a%20b/€")


def test_errors(visitor: Browser) -> None:
    """Errors have their pages, and the next request works."""
    assert visitor.ask("/forbidden").status == 403
    missing = visitor.ask("/nosuch")
    assert (missing.status, missing.text) == (404, "Nothing here.")
    mark = visitor.server.log.mark()
    assert visitor.ask("/fails").status == 500
    visitor.server.log.wait_for("RuntimeError: the site failed", mark)
    assert visitor.ask("/form", "DELETE").status == 405
    assert visitor.ask("/").status == 200
