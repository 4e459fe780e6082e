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
from dataclasses import dataclass, field, replace
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


@dataclass(frozen=True)
class Served:
    """What a server serves, and how.

    Attributes:
        application: The file and the attribute.
        protocol: What the command calls the backend of ours.
        options: What the command is told besides.
        settings: Variables of the environment.
        mount: The path that the application lies below.
        capabilities: What the backend can do.
    """

    application: str
    protocol: str
    options: Sequence[str] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    mount: str = ""
    capabilities: frozenset[str] = frozenset()

    def command(self, *more: str) -> list[str]:
        """Builds the command line that serves it, with more options.

        What follows the application on it is the web server's.
        """
        backend = ("--backend", self.protocol, "--no-debug")
        return python_command("run", *backend, *more, *self.options, self.application)


class Server(ABC):
    """One application under one backend.

    Attributes:
        served: What it serves, and how.
        log: What it, and the application, write to the error stream.
        pid: The process that serves; none where each request has its own.
    """

    pid: int | None = None

    def __init__(self, served: Served) -> None:
        """Remembers what is served."""
        self.served = served
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
        return {self.served.application: self.log}

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

    def __init__(self, served: Served) -> None:
        """Starts it on a port of its own choice."""
        super().__init__(served)
        mount = ["--mount", served.mount] if served.mount else []
        command = served.command("--bind", "127.0.0.1:0", *mount)
        self._process = Process(command, served.settings, self.log)
        self.address = ("127.0.0.1", self._process.port)
        self.pid = self._process.pid

    def stop(self) -> None:
        """See `Server.stop`."""
        self._process.stop()


class AskedServer(Server):
    """A server whose requests are given to it by a host of the suite, one by one."""

    @abstractmethod
    def give(self, request: Request, variables: dict[bytes, bytes]) -> cgi.Asked:
        """Gives it a request that these variables describe."""

    def request(self, request: Request) -> Response:
        """See `Server.request`."""
        return self._start(request).response()

    def conversation(self, *requests: Request) -> list[Response]:
        """See `Server.conversation`; there is no connection to share."""
        return [self.request(request) for request in requests]

    def abandon(self, request: Request, after: int) -> None:
        """See `Server.abandon`."""
        self._start(request).abandon(after)

    def _start(self, request: Request) -> cgi.Asked:
        request = cgi.unchunked(request)
        return self.give(request, cgi.variables(request, self.served.mount))


class CgiServer(AskedServer):
    """A new child process for each request, with the variables of RFC 3875."""

    def __init__(self, served: Served) -> None:
        """Remembers how to start a child."""
        super().__init__(served)
        self._environment = child_environment(served.settings)
        self._command = python_command("cgi", *served.options, served.application)

    def give(self, request: Request, variables: dict[bytes, bytes]) -> cgi.Child:
        """See `AskedServer.give`."""
        environment = {**self._environment, **variables}
        return cgi.Child(self._command, environment, request, self.log)

    def stop(self) -> None:
        """See `Server.stop`; nothing runs between requests."""


class StubServer(CgiServer):
    """narthex-cgi for each request, which may hand it to a process that stays."""

    def __init__(self, mode: str, served: Served) -> None:
        """Gives the processes that stay a directory of their own."""
        # Paths of sockets are short.
        self._runtime = Path(tempfile.mkdtemp(prefix="narthex-"))
        settings = {
            "NARTHEX_RUNTIME_DIR": str(self._runtime),
            "NARTHEX_PYTHON": sys.executable,
            **served.settings,
        }
        super().__init__(replace(served, settings=settings))
        options = stub.options(served.options)
        self._command = [stub.program(), f"--mode={mode}", *options, served.application]

    def stop(self) -> None:
        """See `Server.stop`."""
        stub.end(self._runtime, DEADLINE)
        shutil.rmtree(self._runtime)


def python_command(*arguments: str) -> list[str]:
    """Builds a command line that runs `narthex` by this Python."""
    return [sys.executable, "-m", "narthex", *arguments]
