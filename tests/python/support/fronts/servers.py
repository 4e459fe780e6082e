"""An application behind a real web server, in the two ways that there are."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from support.client import ClosedError
from support.log import Log
from support.server import Process, SocketServer, child_environment

if TYPE_CHECKING:
    from support.fronts.program import Program
    from support.messages import Request, Response
    from support.server import Served


class Gateway(Protocol):
    """How a web server is started before a gateway that runs."""

    def __call__(
        self, folder: Path, protocol: str, upstream: str, mount: str, log: Log
    ) -> Program:
        """Passes everything below `mount` to `upstream`."""


class Host(Protocol):
    """How a web server is started that starts the application itself."""

    def __call__(self, folder: Path, program: Path, mount: str, log: Log) -> Program:
        """Has `program` answer everything below `mount`."""


class Behind(SocketServer):
    """What both have: a web server, and a folder for its files."""

    def __init__(self, served: Served) -> None:
        """Makes the folder."""
        super().__init__(served)
        # Not below pytest's: the path of a socket must be short.
        self.folder = Path(tempfile.mkdtemp(prefix="narthex-"))
        self.front: Program

    @property
    def front_log(self) -> Log:
        """What the web server says."""
        return self.front.log

    def conversation(self, *requests: Request) -> list[Response]:
        """See `Server.conversation`; a web server may close after any response."""
        responses: list[Response] = []
        connection = self.connect()
        try:
            for request in requests:
                if connection.closing:
                    connection.close()
                    connection = self.connect()
                responses.append(connection.request(request))
        finally:
            connection.close()
        return responses

    def cut(self, request: Request) -> Response | None:
        """See `Server.cut`; a web server drops what it has not passed on yet.

        Where the connection may be kept, some keep it, and the client waits.
        """
        fields = (*request.headers, ("Connection", "close"))
        try:
            response = self.request(replace(request, headers=fields))
        except ClosedError:
            return None
        assert response.status == 502 or not response.complete
        return None if response.status == 502 else response

    def logs(self) -> dict[str, Log]:
        """See `Server.logs`."""
        name = f"{self.served.application}, its front"
        return {**super().logs(), name: self.front_log}

    def stop(self) -> None:
        """See `Server.stop`."""
        try:
            self.front.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


class Fronted(Behind):
    """A gateway that listens, and a web server before it."""

    def __init__(
        self,
        gateway: Gateway,
        served: Served,
        *,
        unix: bool = True,
        told: bool = False,
    ) -> None:
        """Starts both; a gateway may be told where it is mounted."""
        super().__init__(served)
        path = self.folder / "application"
        bind = f"unix:{path}" if unix else "127.0.0.1:0"
        mount = ["--mount", served.mount] if told and served.mount else []
        command = served.command("--bind", bind, *mount)
        self._process = Process(command, served.settings, self.log)
        self.pid = self._process.pid
        upstream = str(path) if unix else f"127.0.0.1:{self._process.port}"
        try:
            self.front = gateway(
                self.folder, served.protocol, upstream, served.mount, Log()
            )
        except BaseException:
            self._process.stop()
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self.address = ("127.0.0.1", self.front.port)

    def stop(self) -> None:
        """See `Server.stop`."""
        try:
            super().stop()
        finally:
            self._process.stop()


class Hosted(Behind):
    """A web server that starts the application."""

    def __init__(self, host: Host, served: Served) -> None:
        """Writes the program and starts the web server."""
        super().__init__(served)
        self._resident = served.protocol != "cgi"
        self._pid_file = self.folder / "pid"
        program = self.folder / "application.cgi"
        program.write_text(self._script())
        program.chmod(0o755)
        self.front = host(self.folder, program, served.mount, self.log)
        self.address = ("127.0.0.1", self.front.port)

    @property
    def pid(self) -> int | None:  # type: ignore[override]
        """See `Server`; known once the program was started."""
        return int(self._pid_file.read_text()) if self._resident else None

    def _script(self) -> str:
        """Sets variables that a web server would not pass on, and becomes ours."""
        lines = ["#!/bin/sh"]
        settings = self.served.settings
        wanted = {"PYTHONPATH", "PYTHONIOENCODING", *settings}
        for name, value in child_environment(settings).items():
            if os.fsdecode(name) in wanted:
                value_ = shlex.quote(os.fsdecode(value))
                lines.append(f"export {os.fsdecode(name)}={value_}")
        if self._resident:
            lines.append(f"echo $$ > {self._pid_file}")
        lines.append(f'exec {shlex.join(self.served.command())} "$@"')
        return "\n".join([*lines, ""])
