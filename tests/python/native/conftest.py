"""Starts applications of the native API under each backend."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote_to_bytes

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

APPLICATIONS = Path(__file__).parent / "applications"
SERVERS = ("hyper", "tiny-http")
BACKENDS = (*SERVERS, "cgi")
PATIENCE = 30.0
"""Seconds after which something that should have happened has not."""


@dataclass
class Answer:
    """A response as a client sees it."""

    status: int
    reason: str
    fields: list[tuple[str, str]]
    body: bytes
    complete: bool = True

    def values(self, name: str) -> list[str]:
        """All values of a field."""
        return [value for key, value in self.fields if key.lower() == name]

    def value(self, name: str) -> str | None:
        """The only value of a field."""
        values = self.values(name)
        assert len(values) < 2, f"{name} is repeated: {values}"
        return values[0] if values else None

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


class Site(Protocol):
    """An application that answers."""

    backend: str

    def ask(
        self,
        target: str,
        method: str = "GET",
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Answer:
        """Sends a request and takes the response."""

    def wait_for_log(self, text: str) -> str:
        """Waits until the log holds `text`, and gives the log."""


@dataclass
class Server:
    """A server that was started for one module of tests."""

    backend: str
    process: subprocess.Popen[str]
    port: int = 0
    log: list[str] = field(default_factory=list)
    grown: threading.Condition = field(default_factory=threading.Condition)
    ended: bool = False

    def watch(self) -> None:
        """Collects the log until the server ends."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self.grown:
                self.log.append(line)
                self.grown.notify_all()
        with self.grown:
            self.ended = True
            self.grown.notify_all()

    def wait_for_log(self, text: str) -> str:
        """Waits until the log holds `text`, and gives the log."""
        with self.grown:
            self.grown.wait_for(
                lambda: self.ended or text in "".join(self.log), PATIENCE
            )
            log = "".join(self.log)
        assert text in log
        return log

    def wait_for_port(self) -> None:
        """Waits until the server says where it listens."""
        pattern = r"listening on http://127\.0\.0\.1:(\d+)"
        log = self.wait_for_log("listening on http://127.0.0.1:")
        found = re.search(pattern, log)
        assert found, log
        self.port = int(found[1])

    def ask(
        self,
        target: str,
        method: str = "GET",
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Answer:
        """Sends a request and takes the response."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, PATIENCE)
        with contextlib.closing(connection):
            connection.putrequest(method, target, skip_accept_encoding=True)
            if body:
                connection.putheader("Content-Length", str(len(body)))
            for name, value in headers:
                connection.putheader(name, value.encode("latin-1"))
            connection.endheaders(body or None)
            try:
                response = connection.getresponse()
            except http.client.RemoteDisconnected:
                return Answer(0, "", [], b"", complete=False)
            complete = True
            try:
                content = response.read()
            except http.client.IncompleteRead as error:
                content, complete = error.partial, False
            except ConnectionError:
                content, complete = b"", False
            fields = response.getheaders()
            return Answer(response.status, response.reason, fields, content, complete)


@dataclass
class Program:
    """A CGI program: a process for each request."""

    application: str
    options: Sequence[str]
    backend: str = "cgi"
    log: str = ""

    def wait_for_log(self, text: str) -> str:
        """Gives the log of all requests so far; each is over."""
        assert text in self.log
        return self.log

    def ask(
        self,
        target: str,
        method: str = "GET",
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Answer:
        """Sends a request and takes the response."""
        path, _, query = target.partition("?")
        environ = {
            **os.environ,
            "GATEWAY_INTERFACE": "CGI/1.1",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REQUEST_METHOD": method,
            "REQUEST_URI": target,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquoted(path),
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_SOFTWARE": "test",
            "REMOTE_ADDR": "127.0.0.1",
            "REMOTE_PORT": "4711",
            "HTTP_HOST": "127.0.0.1",
        }
        if body:
            environ["CONTENT_LENGTH"] = str(len(body))
        for name, value in headers:
            key = name.upper().replace("-", "_")
            key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
            text = os.fsdecode(value.encode("latin-1"))
            environ[key] = f"{environ[key]}, {text}" if key in environ else text
        ran = subprocess.run(
            [*command("cgi", self.application), *self.options],
            input=body,
            env=environ,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        self.log += ran.stderr.decode("utf-8", "backslashreplace")
        return parsed(ran.stdout, complete=ran.returncode == 0)


def assert_cut(answer: Answer, site: Site, sent: bytes) -> None:
    """Checks that a response with `sent` as the whole body could not be believed whole.

    A server may still hold back what it was given when the application fails: then the
    client sees less of it, or nothing but a closed connection.
    """
    if "truncation" in json.loads(site.ask("/request").text)["capabilities"]:
        assert not answer.complete
        assert answer.status in (0, 200)
        assert sent.startswith(answer.body)
    else:
        assert (answer.status, answer.body) == (200, sent)


def unquoted(path: str) -> str:
    """A path as web servers hand it to programs: decoded, as the file system reads it."""
    return os.fsdecode(unquote_to_bytes(path))


def parsed(output: bytes, *, complete: bool) -> Answer:
    """The CGI response that a program wrote."""
    head, separator, body = output.partition(b"\r\n\r\n")
    if not separator:
        head, separator, body = output.partition(b"\n\n")
    assert separator, output
    fields = []
    status, reason = 200, "OK"
    for line in head.decode("latin-1").splitlines():
        name, _, value = line.partition(":")
        if name.lower() == "status":
            code, _, reason = value.strip().partition(" ")
            status = int(code)
        else:
            fields.append((name, value.strip()))
    return Answer(status, reason, fields, body, complete)


def command(verb: str, application: str) -> list[str]:
    """The command line that serves an application of ours."""
    name, _, attribute = application.partition(":")
    path = APPLICATIONS / f"{name}.py"
    target = f"{path}:{attribute}" if attribute else str(path)
    return [sys.executable, "-m", "narthex", verb, target]


@contextlib.contextmanager
def serving(backend: str, application: str, *options: str) -> Iterator[Server]:
    """A server of `application`, which is `file` or `file:attribute`."""
    process = subprocess.Popen(
        [
            *command("run", application),
            *("--backend", backend, "--bind", "127.0.0.1:0", *options),
        ],
        stderr=subprocess.PIPE,
        text=True,
        errors="backslashreplace",
    )
    server = Server(backend, process)
    watcher = threading.Thread(target=server.watch)
    watcher.start()
    try:
        server.wait_for_port()
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        finally:
            watcher.join()
            assert process.stderr is not None
            process.stderr.close()


@pytest.fixture(scope="session", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """The name of each backend in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def start() -> Iterator[Callable[..., Site]]:
    """Starts an application under a backend; servers are shared and end at the end."""
    with contextlib.ExitStack() as stack:
        running: dict[tuple[str, ...], Site] = {}

        def start(backend: str, application: str, *options: str) -> Site:
            key = (backend, application, *options)
            if key not in running:
                if backend == "cgi":
                    running[key] = Program(application, options)
                else:
                    server = serving(backend, application, *options)
                    running[key] = stack.enter_context(server)
            return running[key]

        yield start


@pytest.fixture
def site(backend: str, start: Callable[..., Site]) -> Site:
    """The application of most tests, under each backend."""
    return start(backend, "everything")
