"""A site to write files for, and what it must answer behind any of them."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from command.running import PATIENCE, Server, environment
from deploy.front import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

APP = '''\
"""Answers with what it knows of the request."""

import hashlib
import json
import os
from wsgiref.util import application_uri

SHOWN = (
    "REQUEST_METHOD",
    "SCRIPT_NAME",
    "PATH_INFO",
    "QUERY_STRING",
    "HTTP_AUTHORIZATION",
    "HTTP_PROXY",
    "REMOTE_ADDR",
    "REMOTE_USER",
    "wsgi.url_scheme",
)


def application(environ, start_response):
    digest, length = hashlib.sha256(), 0
    while piece := environ["wsgi.input"].read(65536):
        digest.update(piece)
        length += len(piece)
    seen = {name: environ.get(name) for name in SHOWN}
    seen |= {"length": length, "digest": digest.hexdigest(), "process": os.getpid()}
    seen |= {"uri": application_uri(environ), "directory": os.getcwd()}
    body = json.dumps(seen).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]


def make_site(path="/"):
    def made(environ, start_response):
        return application(environ, start_response)

    return made
'''
STYLE = b"body { color: green }\n"
UPLOAD = bytes(range(256)) * 4096 * 8  # 8 MiB
# A quote of each kind, a space, and what shells, Apache and systemd expand.
AWKWARD = 'my app\'s 100% "own"'


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def seen(self) -> dict[str, Any]:
        assert self.status == 200, (self.status, self.body)
        seen: dict[str, Any] = json.loads(self.body)
        return seen


class Site:
    """A directory with an application, static files and what was written for them."""

    def __init__(self, folder: Path, state: Path) -> None:
        self.folder = folder
        # For what a web server keeps to itself.
        self.state = state
        self.output = folder
        self.port = free_port()
        self.socket = folder / "s.sock"
        (folder / "shop.py").write_text(APP)
        (folder / "static").mkdir()
        self.python = sys.executable
        (folder / "static" / "style.css").write_bytes(STYLE)

    def init(self, kind: str, *words: str, app: str = "shop:application") -> str:
        """Runs the command in the site's directory; returns what it says."""
        done = subprocess.run(
            [self.python, "-m", "narthex", "init", kind, app, *words],
            cwd=self.folder,
            env=environment({"PYTHONPATH": os.pathsep.join(sys.path)}),
            capture_output=True,
            timeout=PATIENCE * 2,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def init_front(self, kind: str, *words: str, app: str = "shop:application") -> str:
        """The same, with the addresses of this test."""
        addresses = ["--name", "shop", "--listen", f"127.0.0.1:{self.port}"]
        addresses += ["--socket", str(self.socket), "--static", "/static=static"]
        addresses += ["--output", str(self.output), "--force"]
        return self.init(kind, *addresses, *words, app=app)

    @contextmanager
    def serving(self, written: Path) -> Iterator[None]:
        """Runs the command that a written file names, to a clean end."""
        lines = written.read_text().splitlines()
        words = shlex.split(next(line for line in lines if " fastcgi " in line)[1:])
        server = Server(*words[words.index("fastcgi") :], cwd=self.folder)
        try:
            server.wait_for("narthex: listening on ")
            yield
            server.send(signal.SIGTERM)
            assert server.wait() == 0, server.said
        finally:
            server.close()


@contextmanager
def made_site(name: str = "") -> Iterator[Site]:
    """Makes one, not below pytest's folders: paths of sockets must be short."""
    folder = Path(tempfile.mkdtemp(prefix="narthex-"))
    try:
        inside = folder / name
        inside.mkdir(exist_ok=True)
        state = folder / "state"
        state.mkdir()
        yield Site(inside, state)
    finally:
        for log in folder.rglob("front.log"):
            print(log.read_text(errors="replace"))  # shown where a test fails
        shutil.rmtree(folder, ignore_errors=True)


def made_home(folder: Path) -> Path:
    """An environment of this Python's, for other programs beside it."""
    inside = folder / "bin"
    inside.mkdir(parents=True)
    (inside / "python").symlink_to(sys.executable)
    shutil.copy(Path(sys.prefix) / "pyvenv.cfg", folder)
    return folder


def ask(
    port: int,
    target: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        method = "GET" if body is None else "POST"
        connection.request(method, target, body, headers or {})
        response = connection.getresponse()
        fields = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, fields, response.read())
    finally:
        connection.close()


def answers_everything(
    port: int, mount: str, *, encoded_slash: bool = True
) -> list[int]:
    """Asks all that a site must answer; returns the processes that did."""
    credentials = "Basic " + base64.b64encode(b"me:secret").decode()
    target = "/a%2Fb%20c//d%3B%C3%A9" if encoded_slash else "/a/b%20c//d%3B%C3%A9"
    first = ask(
        port,
        f"{mount}{target}?q=%2F&r",
        headers={"Authorization": credentials, "Proxy": "http://evil.example"},
    ).seen
    process = first.pop("process")
    assert first.pop("directory")
    nothing = hashlib.sha256().hexdigest()
    expected = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": mount,
        "PATH_INFO": "/a/b c//d;\u00e9".encode().decode("latin-1"),
        "QUERY_STRING": "q=%2F&r",
        "HTTP_AUTHORIZATION": credentials,
        "HTTP_PROXY": None,
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_USER": None,
        "wsgi.url_scheme": "http",
        "length": 0,
        "digest": nothing,
        # What url_for and its like put in front.
        "uri": f"http://127.0.0.1:{port}{mount or '/'}",
    }
    assert first == expected

    root = ask(port, f"{mount}/").seen
    assert (root["SCRIPT_NAME"], root["PATH_INFO"]) == (mount, "/")

    form = ask(port, f"{mount}/form", b"x=1").seen
    assert (form["REQUEST_METHOD"], form["length"]) == ("POST", 3)
    assert (form["SCRIPT_NAME"], form["PATH_INFO"]) == (mount, "/form")

    upload = ask(port, f"{mount}/upload", UPLOAD).seen
    assert upload["length"] == len(UPLOAD)
    assert upload["digest"] == hashlib.sha256(UPLOAD).hexdigest()

    style = ask(port, f"{mount}/static/style.css")
    assert (style.status, style.body) == (200, STYLE)
    assert "last-modified" in style.headers  # the web server's own answer
    assert ask(port, f"{mount}/static/none.css").status == 404

    beside = ask(port, f"{mount}/staticx").seen
    assert beside["PATH_INFO"] == "/staticx"
    if mount:
        assert ask(port, f"{mount}x").status == 404
    return [process, root["process"], form["process"], upload["process"]]


def has_gone(process: int) -> bool:
    """Waits for the end of a process that is no child of ours."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False
