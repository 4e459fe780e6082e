"""A visit: a server made ready for its load, and everything of it ended afterwards."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from . import environment
from .client import BROWSER_HEADERS
from .environment import Interpreters
from .process import HOST, Running, free_port, started
from .server import APPLICATIONS, Server, socket_of

SERVER_CORE = 0
PR_SET_CHILD_SUBREAPER = 36


@contextmanager
def visited(
    server: Server, module: str, interpreters: Interpreters, pinned: bool
) -> Iterator[Running]:
    """Makes a server ready to answer for the length of a `with` block.

    Raises:
        ServerError: It does not start, or another one answers in its place.
    """
    folder = APPLICATIONS / server.api
    port = free_port()
    python = interpreters.of(server.package)
    with ExitStack() as stack:
        scratch = stack.enter_context(environment.scratch())
        stack.enter_context(orphans_ended())
        command = server.command_line(python, module, port, scratch)
        if server.is_program:
            program = tuple(command)
            yield Running(
                server.name,
                os.getpid(),
                port,
                program,
                cgi_variables(scratch, program[0]),
            )
            return
        if pinned:
            command = ["taskset", "-c", str(SERVER_CORE), *command]
        at = socket_of(scratch) if server.front else None
        variables = environment.server_environment(folder)
        running = stack.enter_context(
            started(server.name, command, port, folder, variables, at=at)
        )
        if server.front:
            front = nginx(port, scratch, server.front)
            stack.enter_context(started("nginx", front, port, folder, variables))
        yield running


def nginx(port: int, scratch: Path, front: str) -> list[str]:
    """Writes the configuration of the nginx in front, and returns its command line."""
    folder = APPLICATIONS / "nginx"
    text = (folder / "gateway.conf").read_text()
    for word, value in (
        ("PORT", str(port)),
        ("SOCKET", str(socket_of(scratch))),
        ("PASS", str(folder / "pass" / f"{front}.conf")),
    ):
        text = text.replace(word, value)
    filled = scratch / "nginx.conf"
    filled.write_text(text)
    return ["nginx", "-p", f"{scratch}/", "-c", str(filled)]


def cgi_variables(scratch: Path, program: str) -> Mapping[str, str]:
    """Returns what httpd's mod_cgid puts into the environment of a program."""
    return {
        "HTTP_HOST": HOST,
        **{f"HTTP_{n.upper().replace('-', '_')}": v for n, v in BROWSER_HEADERS},
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "SERVER_SIGNATURE": "",
        "SERVER_SOFTWARE": "Apache/2.4",
        "SERVER_NAME": HOST,
        "SERVER_ADDR": HOST,
        "SERVER_PORT": "80",
        "REMOTE_ADDR": HOST,
        "REMOTE_PORT": "40000",
        "DOCUMENT_ROOT": str(scratch),
        "REQUEST_SCHEME": "http",
        "CONTEXT_PREFIX": "",
        "CONTEXT_DOCUMENT_ROOT": str(scratch),
        "SERVER_ADMIN": "[no address given]",
        "SCRIPT_FILENAME": program,
        "GATEWAY_INTERFACE": "CGI/1.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REQUEST_METHOD": "GET",
        "QUERY_STRING": "",
        "REQUEST_URI": "/program.py/",
        "SCRIPT_NAME": "/program.py",
        "PATH_INFO": "/",
        "PATH_TRANSLATED": f"{scratch}/",
        "NARTHEX_RUNTIME_DIR": f"{scratch}/run",
    }


@contextmanager
def orphans_ended() -> Iterator[None]:
    """Ends what the processes of a block leave behind: a CGI program's resident.

    It is in a session of its own, and its parent has ended. The kernel makes it ours,
    as we ask it to, so it can be found and is ended by its pid.
    """
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    us = Running("bench", os.getpid(), 0)
    before = {stat.pid for stat in us.tree()}
    try:
        yield
    finally:
        # Parents come first, so that who is waited for is our child by then.
        left = [stat.pid for stat in us.tree() if stat.pid not in before]
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in left:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)
