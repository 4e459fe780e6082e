"""Webware's examples answer on every backend, from its own unchanged WSGI script."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.backends import Backend
from support.browser import Browser
from support.messages import Request
from support.server import SocketServer

pytestmark = pytest.mark.api("wsgi")
CALL = b"""<?xml version="1.0"?><methodCall><methodName>multiply</methodName><params>
<param><value><int>6</int></value></param><param><value><int>7</int></value></param>
</params></methodCall>"""


@pytest.fixture(scope="session")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script of a new work directory, with sessions that outlive a process."""
    folder = tmp_path_factory.mktemp("webware") / "work"
    make = "from webware.Scripts.WebwareCLI import main; main()"
    command = [sys.executable, "-c", make, "make", str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    config = folder / "Configs" / "Application.config"
    text = config.read_text()
    assert "SessionStore = 'Dynamic'" in text
    config.write_text(text.replace("SessionStore = 'Dynamic'", "SessionStore = 'File'"))
    return folder / "Scripts" / "WSGIScript.py"


@pytest.fixture
def visitor(backend: Backend, script: Path) -> Browser:
    """A visitor of the examples."""
    return Browser(backend.serve(script))


def test_simple(visitor: Browser) -> None:
    """The simplest servlet."""
    response = visitor.ask("/Examples/Simple")
    assert response.status == 200
    assert len(response.body) == 223
    assert "<title>Simple</title>" in response.text


def test_psp(visitor: Browser) -> None:
    """A server page."""
    response = visitor.ask("/PSP/Examples/Hello.psp")
    assert response.status == 200
    assert "PSP Hello" in response.text


def test_not_found(visitor: Browser) -> None:
    """A page that is not there."""
    assert visitor.ask("/Welcome").status == 404


def test_sessions(visitor: Browser) -> None:
    """A session counts visits, across processes too, until it ends."""
    first = visitor.ask("/Examples/CountVisits")
    cookie = first.header("set-cookie") or ""
    assert cookie.startswith("_SID_=")
    assert "httponly" in cookie.lower()
    assert "samesite=strict" in cookie.lower()
    assert counted(first.text) == 1
    for visit in (2, 3):
        assert counted(visitor.ask("/Examples/CountVisits").text) == visit
    other = Browser(visitor.server)
    assert counted(other.ask("/Examples/CountVisits").text) == 1


def counted(page: str) -> int:
    """Reads the number of visits off the page."""
    found = re.search(r"&nbsp;([0-9]+)&nbsp;", page)
    assert found, page
    return int(found[1])


def test_xml_rpc(visitor: Browser) -> None:
    """A remote call."""
    xml = ("Content-Type", "text/xml")
    response = visitor.ask("/Examples/XMLRPCExample", "POST", CALL, xml)
    assert response.status == 200
    assert (response.header("content-type") or "").startswith("text/xml")
    assert "<int>42</int>" in response.text


def test_upload(visitor: Browser) -> None:
    """A file is uploaded."""
    data = b"Dear Webware, " * 10_000
    response = visitor.upload("/Examples/FileUpload", "filename", "letter.txt", data)
    assert response.status == 200
    assert "<strong>letter.txt</strong>" in response.text
    assert f"<td>{len(data)} bytes</td>" in response.text
    assert data.decode().strip() in response.text


@pytest.mark.excused(has="run_once", because="the process sleeps on after the client")
def test_push(visitor: Browser) -> None:
    """A servlet pushes its first page at once, and not when it is done."""
    server = visitor.server
    if not isinstance(server, SocketServer):
        pytest.skip("excused: the suite is its own web server, and reads to the end")
    with server.connect(deadline=10) as connection:
        began = time.monotonic()
        connection.send(Request(target="/Examples/PushServlet"))
        status, _, headers = connection.receive_head()
        assert status == 200
        assert dict(headers)["content-type"].startswith("multipart/x-mixed-replace")
        pushed = b""
        # The boundary before the first page, and the one after it.
        while pushed.count(b"--if-you-see-this") < 2:
            data = connection.receive_some()
            assert data, f"the response ended after {pushed!r}"
            pushed += data
        # The servlet sleeps for 15 seconds before its second page.
        assert time.monotonic() - began < 12
        assert b"will try to replace the content" in pushed
        assert b"This page has been replaced" not in pushed
        connection.reset()
