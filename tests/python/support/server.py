"""A running application, and the ways to talk to it that every backend has."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

from support import cgi, stub
from support.client import DEADLINE, Connection
from support.log import Log
from support.messages import Request, Response

SUITE = Path(__file__).resolve().parent.parent
_LISTENING = r"narthex: listening on (?:[a-z]+://)?(\S+)"


def child_environment(settings: Mapping[str, str]) -> dict[bytes, bytes]:
    """Builds the environment of a server: ours, with the suite importable."""
    environment = dict(os.environb)
    environment |= {os.fsencode(k): os.fsencode(v) for k, v in settings.items()}
    paths = [os.fsencode(SUITE), environment.get(b"PYTHONPATH", b"")]
    environment[b"PYTHONPATH"] = os.pathsep.encode().join(filter(None, paths))
    # Servers print tracebacks and log lines that the tests read as UTF-8.
    environment[b"PYTHONIOENCODING"] = b"utf-8:backslashreplace"
    return environment


class Server(ABC):
    """One application under one backend.

    Attributes:
        application: What is served.
        capabilities: What the backend can do.
        log: What it, and the application, write to the error stream.
        pid: The process that serves; none where each request has its own.
    """

    pid: int | None = None

    def __init__(self, application: str, capabilities: frozenset[str]) -> None:
        """Remembers what is served, and what the backend can do."""
        self.application = application
        self.capabilities = capabilities
        self.log = Log()

    @abstractmethod
    def request(self, request: Request) -> Response:
        """Sends one request and receives its response."""

    @abstractmethod
    def conversation(self, *requests: Request) -> list[Response]:
        """Sends requests one after another, on one connection where there is one."""

    @abstractmethod
    def abandon(self, request: Request, after: int) -> None:
        """Sends a request, takes `after` bytes of the response, and vanishes."""

    @abstractmethod
    def stop(self) -> None:
        """Ends the server; it must end well."""

    def ask(
        self,
        case: str,
        method: str = "GET",
        target: str = "/",
        headers: Sequence[tuple[str, str]] = (),
        body: bytes | Iterable[bytes] = b"",
        length: int | None = None,
        chunked: bool = False,
    ) -> Response:
        """Sends one request to the application that a site calls `case`."""
        return self.request(
            request_for(case, method, target, headers, body, length, chunked)
        )

    def logs(self) -> dict[str, Log]:
        """Names what may explain a failure."""
        return {self.application: self.log}

    def cut(self, request: Request) -> Response | None:
        """Sends a request whose response must be seen to be cut.

        Returns:
            What came of it; nothing where that was only the end of the connection.
        """
        response = self.request(request)
        assert not response.complete
        return response

    def begin(self, request: Request) -> Future[Response]:
        """Sends a request from another thread."""
        future: Future[Response] = Future()

        def run() -> None:
            try:
                future.set_result(self.request(request))
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        return future


def request_for(
    case: str,
    method: str = "GET",
    target: str = "/",
    headers: Sequence[tuple[str, str]] = (),
    body: bytes | Iterable[bytes] = b"",
    length: int | None = None,
    chunked: bool = False,
) -> Request:
    """Builds a request to the application that a site calls `case`."""
    fields = (("X-Case", case), *headers)
    return Request(method, target, fields, body, length, chunked)


class Process:
    """A `narthex` that listens, from when it does.

    Attributes:
        address: The first that it says it listens on, without the scheme.
        pid: Its process.
    """

    def __init__(
        self, command: Sequence[str], settings: Mapping[str, str], log: Log
    ) -> None:
        """Starts `command` and waits for the line that says where it listens."""
        self._log = log
        self._process = subprocess.Popen(
            command,
            env=child_environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert self._process.stderr is not None
        self._reader = log.follow(self._process.stderr)
        try:
            found = log.wait_for(_LISTENING, timeout=30, while_open=True)
        except AssertionError:
            self._process.kill()
            self._process.wait()
            raise
        self.address = found[1]
        self.pid = self._process.pid

    @property
    def port(self) -> int:
        """The port of the address."""
        return int(self.address.rpartition(":")[2])

    def stop(self) -> None:
        """Ends it by SIGTERM; it must not have ended before, and must end well.

        Raises:
            AssertionError: It did not.
        """
        if self._process.poll() is not None:
            raise AssertionError(
                f"it ended by itself with status {self._process.returncode}:\n"
                + "\n".join(self._log.since())
            )
        self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            self._reader.join(timeout=5)
        assert status == 0, f"it stopped with status {status}"


class SocketServer(Server):
    """A server that HTTP clients connect to.

    Attributes:
        address: Where it listens.
    """

    address: tuple[str, int]

    def connect(self, deadline: float = DEADLINE) -> Connection:
        """Opens a connection."""
        return Connection(self.address, deadline)

    def request(self, request: Request) -> Response:
        """See `Server.request`; a connection for this request only."""
        with self.connect() as connection:
            return connection.request(request)

    def conversation(self, *requests: Request) -> list[Response]:
        """See `Server.conversation`."""
        with self.connect() as connection:
            return [connection.request(request) for request in requests]

    def abandon(self, request: Request, after: int) -> None:
        """See `Server.abandon`."""
        with self.connect() as connection:
            connection.send(request)
            taken = 0
            while taken < after:
                data = connection.receive_some()
                assert data, f"the response ended after {taken} bytes"
                taken += len(data)
            connection.reset()


class EmbeddedServer(SocketServer):
    """An application under a server of ours."""

    def __init__(
        self,
        application: str,
        capabilities: frozenset[str],
        command: Sequence[str],
        settings: Mapping[str, str],
    ) -> None:
        """Starts `command`, which listens on a port of its own choice."""
        super().__init__(application, capabilities)
        self._process = Process(command, settings, self.log)
        self.address = ("127.0.0.1", self._process.port)
        self.pid = self._process.pid

    def stop(self) -> None:
        """See `Server.stop`."""
        self._process.stop()


class CgiServer(Server):
    """A new child process for each request, with the variables of RFC 3875."""

    def __init__(
        self,
        application: str,
        capabilities: frozenset[str],
        command: Sequence[str],
        settings: Mapping[str, str],
        mount: str,
    ) -> None:
        """Remembers how to start a child."""
        super().__init__(application, capabilities)
        self._environment = child_environment(settings)
        self._command = command
        self._mount = mount

    def request(self, request: Request) -> Response:
        """See `Server.request`."""
        return self._start(request).response()

    def conversation(self, *requests: Request) -> list[Response]:
        """See `Server.conversation`; there is no connection to share."""
        return [self.request(request) for request in requests]

    def abandon(self, request: Request, after: int) -> None:
        """See `Server.abandon`."""
        self._start(request).abandon(after)

    def _start(self, request: Request) -> cgi.Child:
        request = cgi.unchunked(request)
        variables = cgi.variables(request, self._mount)
        environment = {**self._environment, **variables}
        return cgi.Child(self._command, environment, request, self.log)

    def stop(self) -> None:
        """See `Server.stop`; nothing runs between requests."""


class StubServer(CgiServer):
    """A child for each request, which may hand it to a process that stays."""

    def __init__(
        self,
        application: str,
        capabilities: frozenset[str],
        command: Sequence[str],
        settings: Mapping[str, str],
        mount: str,
    ) -> None:
        """Gives the processes that stay a directory of their own."""
        # Paths of sockets are short.
        self._runtime = Path(tempfile.mkdtemp(prefix="narthex-"))
        settings = {
            "NARTHEX_RUNTIME_DIR": str(self._runtime),
            "NARTHEX_PYTHON": sys.executable,
            **settings,
        }
        super().__init__(application, capabilities, command, settings, mount)

    def stop(self) -> None:
        """See `Server.stop`."""
        stub.end(self._runtime, DEADLINE)
        shutil.rmtree(self._runtime)


def python_command(*arguments: str) -> list[str]:
    """Builds a command line that runs `narthex` by this Python."""
    return [sys.executable, "-m", "narthex", *arguments]
