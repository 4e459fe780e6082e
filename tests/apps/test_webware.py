"""Webware's examples answer on every backend, from its own unchanged WSGI script."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.backends import Backend
from support.messages import Request
from support.server import Server

pytestmark = pytest.mark.api("wsgi")
_CALL = b"""<?xml version="1.0"?><methodCall><methodName>multiply</methodName><params>
<param><value><int>6</int></value></param><param><value><int>7</int></value></param>
</params></methodCall>"""


@pytest.fixture(scope="session")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script of a new work directory, with sessions that outlive a process."""
    folder = tmp_path_factory.mktemp("webware") / "work"
    make = "from webware.Scripts.WebwareCLI import main; main()"
    command = [sys.executable, "-c", make, "make", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    config = folder / "Configs" / "Application.config"
    text = config.read_text()
    assert "SessionStore = 'Dynamic'" in text
    config.write_text(text.replace("SessionStore = 'Dynamic'", "SessionStore = 'File'"))
    return folder / "Scripts" / "WSGIScript.py"


@pytest.fixture
def server(backend: Backend, script: Path) -> Server:
    """The examples."""
    return backend.serve(script)


def test_simple(server: Server) -> None:
    """The simplest servlet."""
    response = server.request(Request(target="/Examples/Simple"))
    assert response.status == 200
    assert len(response.body) == 223
    assert "<title>Simple</title>" in response.text


def test_psp(server: Server) -> None:
    """A server page."""
    response = server.request(Request(target="/PSP/Examples/Hello.psp"))
    assert response.status == 200
    assert "PSP Hello" in response.text


def test_not_found(server: Server) -> None:
    """A page that is not there."""
    assert server.request(Request(target="/Welcome")).status == 404


def test_sessions(server: Server) -> None:
    """A session counts visits, across processes too."""
    first = server.request(Request(target="/Examples/CountVisits"))
    cookie = first.header("set-cookie") or ""
    assert cookie.startswith("_SID_=")
    assert "httponly" in cookie.lower()
    assert "samesite=strict" in cookie.lower()
    assert counted(first.text) == 1
    fields = (("Cookie", cookie.partition(";")[0]),)
    for visit in (2, 3):
        response = server.request(Request("GET", "/Examples/CountVisits", fields))
        assert counted(response.text) == visit


def counted(page: str) -> int:
    """Reads the number of visits off the page."""
    found = re.search(r"&nbsp;([0-9]+)&nbsp;", page)
    assert found, page
    return int(found[1])


def test_xml_rpc(server: Server) -> None:
    """A remote call."""
    fields = (("Content-Type", "text/xml"),)
    request = Request("POST", "/Examples/XMLRPCExample", fields, _CALL)
    response = server.request(request)
    assert response.status == 200
    assert "<int>42</int>" in response.text


def test_upload(server: Server) -> None:
    """A file is uploaded."""
    body = (
        b'--xyz\r\nContent-Disposition: form-data; name="filename"; '
        b'filename="letter.txt"\r\nContent-Type: text/plain\r\n\r\n'
        b"Dear Webware\r\n--xyz--\r\n"
    )
    fields = (("Content-Type", "multipart/form-data; boundary=xyz"),)
    response = server.request(Request("POST", "/Examples/FileUpload", fields, body))
    assert response.status == 200
    assert "letter.txt" in response.text
    assert "Dear Webware" in response.text


@pytest.mark.excused(has="run_once", because="the process sleeps on after the client")
def test_push(server: Server) -> None:
    """A servlet pushes its first page at once, and not when it is done."""
    server.abandon(Request(target="/Examples/PushServlet"), after=600)
