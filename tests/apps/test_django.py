"""A guestbook by Django is the same on every backend, at the root and mounted."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path

import pytest

from support.backends import Backend
from support.browser import URLENCODED, Browser
from support.messages import Response

pytestmark = pytest.mark.api("wsgi")
SITE = Path(__file__).with_name("django_site")
everywhere = pytest.mark.parametrize("mount", ["", "/guests"], ids=["root", "mounted"])


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an empty guestbook."""
    path = tmp_path_factory.mktemp("guestbook")
    options = ["--run-syncdb", "--settings=settings", f"--pythonpath={SITE}"]
    subprocess.run(
        [sys.executable, "-m", "django", "migrate", *options],
        env={**os.environ, "GUESTBOOK_FOLDER": str(path)},
        check=True,
        capture_output=True,
        timeout=60,
    )
    return path


@pytest.fixture
def mount() -> str:
    """Where the book lies, for what does not depend on it."""
    return ""


@pytest.fixture
def guest(backend: Backend, folder: Path, mount: str) -> Browser:
    """A guest who has not been here before."""
    settings = {"GUESTBOOK_FOLDER": str(folder)}
    server = backend.serve(SITE / "wsgi.py", settings=settings, mount=mount)
    return Browser(server, mount)


def token(page: Response) -> str:
    """Reads the token against forgery off the form."""
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert found, page.text
    return found[1]


def signed(guest: Browser, name: str, words: str) -> Response:
    """Fills in the form and submits it."""
    form = token(guest.ask("/"))
    return guest.post("/sign/", name=name, words=words, csrfmiddlewaretoken=form)


@everywhere
def test_form_and_session(guest: Browser) -> None:
    """An entry is in the book, and its guest is known from then on."""
    page = guest.ask("/")
    assert "Welcome!" in page.text
    assert f'action="{guest.mount}/sign/"' in page.text
    words = f"Grüße {secrets.token_hex(8)} <b>"
    response = signed(guest, "Jürgen", words)
    assert response.status == 302
    assert set(guest.cookies) == {"csrftoken", "sessionid"}
    target = response.header("location") or ""
    assert re.fullmatch(rf"{guest.mount}/entry/[0-9]+/", target)
    assert guest.ask(target.removeprefix(guest.mount)).text == f"Jürgen: {words}"
    page = guest.ask("/")
    assert "Welcome back, Jürgen!" in page.text
    assert f'<a href="{target}">Jürgen</a>: {words[:-3]}&lt;b&gt;' in page.text
    assert "Welcome!" in Browser(guest.server, guest.mount).ask("/").text


def test_forgery(guest: Browser) -> None:
    """A form that the site did not give out is refused, and so is another origin."""
    assert guest.post("/sign/", name="Eve", words="Forged").status == 403
    form = token(guest.ask("/"))
    stranger = Browser(guest.server, guest.mount)
    response = stranger.post(
        "/sign/", name="Eve", words="Forged", csrfmiddlewaretoken=form
    )
    assert response.status == 403
    body = f"name=Eve&words=Forged&csrfmiddlewaretoken={form}".encode()
    origin = ("Origin", "http://elsewhere.example")
    assert guest.ask("/sign/", "POST", body, URLENCODED, origin).status == 403
    assert "Eve" not in guest.ask("/").text


def test_form_that_is_not_valid(guest: Browser) -> None:
    """What is missing is said, and nothing is remembered."""
    response = signed(guest, "", "No name")
    assert (response.status, list(json.loads(response.text))) == (422, ["name"])
    assert "sessionid" not in guest.cookies


@pytest.mark.parametrize(
    ("size", "kept"),
    [(1000, "InMemoryUploadedFile"), (3_000_000, "TemporaryUploadedFile")],
)
def test_upload(guest: Browser, size: int, kept: str) -> None:
    """Files arrive whole, those that Django keeps in memory and others."""
    data = secrets.token_bytes(size)
    form = token(guest.ask("/"))
    response = guest.upload(
        "/upload/", "file", "ink.bin", data, csrfmiddlewaretoken=form
    )
    digest = hashlib.sha256(data).hexdigest()
    known = {"name": "ink.bin", "size": size, "digest": digest, "kept": kept}
    assert json.loads(response.text) == known


def test_stream(guest: Browser) -> None:
    """A stream arrives whole."""
    response = guest.ask("/export/")
    assert response.complete
    assert response.header("content-length") is None
    assert response.text == "".join(f"line {number}\n" for number in range(1000))


def test_stream_without_end(guest: Browser) -> None:
    """Pieces come as they are made; when nobody reads them, the generator ends."""
    mark = guest.server.log.mark()
    guest.server.abandon(guest.prepare("/ticks/"), after=1000)
    guest.server.log.wait_for("the ticking ended", mark)
    assert guest.ask("/").status == 200


@everywhere
def test_redirects(guest: Browser) -> None:
    """Redirects stay below the mount point and keep the query."""
    moved = guest.ask("/book/")
    assert (moved.status, moved.header("location")) == (301, f"{guest.mount}/")
    slash = guest.ask("/export?all=1")
    where = f"{guest.mount}/export/?all=1"
    assert (slash.status, slash.header("location")) == (301, where)


@everywhere
def test_addresses(guest: Browser) -> None:
    """An address is decoded once, and built again for the mount point."""
    target = "/where/a%20b%C3%A6%2525/"
    known = json.loads(guest.ask(f"{target}?q=1&q=%E2%82%AC").text)
    assert known["words"] == "a bæ%25"
    assert known["query"] == ["1", "€"]
    assert known["path"] == f"{guest.mount}/where/a bæ%25/"
    assert known["uri"].startswith("http://127.0.0.1")
    assert known["uri"].endswith(f"{guest.mount}{target}?q=1&q=%E2%82%AC")


def test_conditional_and_head(guest: Browser) -> None:
    """What the guest has is not sent again, and HEAD sends nothing."""
    target = signed(guest, "Ada", "Once").header("location") or ""
    target = target.removeprefix(guest.mount)
    whole = guest.ask(target)
    known = ("If-None-Match", whole.header("etag") or "")
    again = guest.ask(target, "GET", b"", known)
    assert (again.status, again.body) == (304, b"")
    head = guest.ask(target, "HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.header("content-length") == str(len(whole.body)) == "9"


def test_errors(guest: Browser) -> None:
    """Errors have their pages, and the next request works."""
    for missing in ("/nosuch/", "/entry/999999999/"):
        response = guest.ask(missing)
        assert response.status == 404
        assert "<title>Not in the book</title>" in response.text
    mark = guest.server.log.mark()
    failure = guest.ask("/fails/")
    assert failure.status == 500
    assert "<title>Ink spilt</title>" in failure.text
    assert "the guestbook failed" not in failure.text
    guest.server.log.wait_for("RuntimeError: the guestbook failed", mark)
    wrong = guest.ask("/sign/")
    assert (wrong.status, wrong.header("allow")) == (405, "POST")
    assert guest.ask("/", "GET", b"", ("Host", "elsewhere.example")).status == 400
    assert guest.ask("/").status == 200


def test_at_once(guest: Browser) -> None:
    """Guests who write at the same time are all in the book."""
    form = token(guest.ask("/"))
    sent = secrets.token_hex(8)
    answers: list[Future[Response]] = []
    for number in range(5):
        body = f"name=Guest+{number}&words={sent}&csrfmiddlewaretoken={form}"
        request = guest.prepare("/sign/", "POST", body.encode(), URLENCODED)
        answers.append(guest.server.begin(request))
    assert [answer.result(timeout=30).status for answer in answers] == [302] * 5
    page = guest.ask("/").text
    found = re.findall(rf">Guest ([0-9])</a>: {sent}</li>", page)
    assert sorted(found) == ["0", "1", "2", "3", "4"]
