"""A site by Flask answers the same on every backend, at the root and mounted."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from support.backends import Backend
from support.messages import Request, Response
from support.server import Server

pytestmark = pytest.mark.api("wsgi")
SITE = Path(__file__).with_name("flask_site.py")
_FORM = ("Content-Type", "application/x-www-form-urlencoded")


class Client:
    """Asks below the mount point, with a cookie if there is one."""

    def __init__(self, server: Server, mount: str) -> None:
        """Remembers both."""
        self.server = server
        self.mount = mount
        self.fields: list[tuple[str, str]] = []

    def ask(
        self,
        target: str,
        method: str = "GET",
        body: bytes = b"",
        *fields: tuple[str, str],
    ) -> Response:
        """Sends one request."""
        headers = (*self.fields, *fields)
        return self.server.request(Request(method, self.mount + target, headers, body))


@pytest.fixture(params=["", "/flask"], ids=["root", "mounted"])
def client(backend: Backend, request: pytest.FixtureRequest) -> Client:
    """The site."""
    return Client(backend.serve(SITE, mount=request.param), request.param)


def test_index(client: Client) -> None:
    """A query is decoded."""
    assert client.ask("/").text == "Hello, world!"
    assert client.ask("/?who=%C3%A6+b").text == "Hello, æ b!"


def test_form_and_session(client: Client) -> None:
    """A form leads to a page that knows its session."""
    assert client.ask("/me").text == "You are nobody."
    response = client.ask("/form", "POST", b"name=Greg", _FORM)
    assert response.status == 302
    assert response.header("location") == f"{client.mount}/me"
    cookie = response.header("set-cookie") or ""
    client.fields = [("Cookie", cookie.partition(";")[0])]
    assert client.ask("/me").text == "You are Greg."


def test_upload(client: Client) -> None:
    """A large file is uploaded whole."""
    data = bytes(range(256)) * 4000
    head = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="f.bin"\r\n\r\n'
    )
    multipart = ("Content-Type", "multipart/form-data; boundary=b")
    body = head + data + b"\r\n--b--\r\n"
    known = json.loads(client.ask("/upload", "POST", body, multipart).body)
    digest = hashlib.sha256(data).hexdigest()
    assert known == {"name": "f.bin", "size": len(data), "digest": digest}


def test_stream(client: Client) -> None:
    """A stream arrives whole."""
    response = client.ask("/stream")
    assert response.complete
    assert response.text == "".join(f"line {number}\n" for number in range(1000))


def test_file(client: Client) -> None:
    """A file is sent, in part where asked, and not at all where known."""
    response = client.ask("/file")
    assert response.body == SITE.read_bytes()
    part = client.ask("/file", "GET", b"", ("Range", "bytes=3-9"))
    assert (part.status, part.body) == (206, SITE.read_bytes()[3:10])
    tag = ("If-None-Match", response.header("etag") or "")
    known = client.ask("/file", "GET", b"", tag)
    assert (known.status, known.body) == (304, b"")
    head = client.ask("/file", "HEAD")
    assert head.header("content-length") == str(len(response.body))


def test_paths(client: Client) -> None:
    """Paths are decoded, and URLs are built for the mount point."""
    known = json.loads(client.ask("/paths/a%20b/%E2%82%AC").body)
    assert known["rest"] == "a b/€"
    assert known["root"] == client.mount
    assert known["url"].endswith(f"{client.mount}/paths/a%20b/€")


def test_errors(client: Client) -> None:
    """Errors have their pages, and the next request works."""
    assert client.ask("/forbidden").status == 403
    missing = client.ask("/nosuch")
    assert (missing.status, missing.text) == (404, "Nothing here.")
    mark = client.server.log.mark()
    assert client.ask("/fails").status == 500
    client.server.log.wait_for("RuntimeError: the site failed", mark)
    assert client.ask("/form", "DELETE").status == 405
    assert client.ask("/").status == 200
