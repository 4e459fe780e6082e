"""A server under test: started, made sure to be ours, observed, and stopped by pid."""

from __future__ import annotations

import errno
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from .measure import PROC, Stat, process_tree

HOST = "127.0.0.1"
READY_WITHIN = 20.0
STOP_WITHIN = 5.0
LISTENING = "0A"


class ServerError(Exception):
    """A server did not start, or is not the one that answers on its port."""


@dataclass(frozen=True)
class Running:
    """A started server.

    Attributes:
        name: Its name in the tables.
        pid: The process that was started, the root of its tree.
        port: Where it answers, on the loopback address.
        program: The command line to run for each request, where nothing listens.
        variables: What `program` finds in its environment, all of it.
    """

    name: str
    pid: int
    port: int
    program: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    def tree(self) -> list[Stat]:
        """Reads the processes of the server as they are now."""
        return process_tree(self.pid)


def ephemeral_ports() -> tuple[int, int]:
    """Returns the ports that the kernel gives to client sockets."""
    low, high = (PROC / "sys/net/ipv4/ip_local_port_range").read_text().split()
    return int(low), int(high)


def candidate_ports(ephemeral: tuple[int, int]) -> list[int]:
    """Returns the ports a server may take without meeting a client's socket."""
    low, high = ephemeral
    below = range(10_000, min(low, 65_536))
    above = range(high + 1, 65_536)
    return [*below, *above]


def free_port() -> int:
    """Picks a port on which nobody listens.

    SO_REUSEPORT hides a clash (two servers share the traffic, both look well), so
    the kernel's table of listeners is asked besides the bind.

    Raises:
        ServerError: No port is free.
    """
    ports = candidate_ports(ephemeral_ports())
    random.shuffle(ports)
    for port in ports:
        if listening_sockets(port):
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
                continue
        return port
    raise ServerError("no port is free outside ip_local_port_range")


def parse_listeners(table: str, port: int) -> set[int]:
    """Returns the inodes of the sockets of /proc/net/tcp that listen on `port`."""
    inodes = set()
    for line in table.splitlines()[1:]:
        fields = line.split()
        if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
            inodes.add(int(fields[9]))
    return inodes


def listening_sockets(port: int) -> set[int]:
    """Returns the inodes of all sockets of the machine that listen on `port`."""
    inodes = set()
    for table in ("net/tcp", "net/tcp6"):
        if (PROC / table).exists():
            inodes |= parse_listeners((PROC / table).read_text(), port)
    return inodes


def open_sockets(pids: Iterable[int]) -> set[int]:
    """Returns the inodes of the sockets that these processes hold open."""
    inodes = set()
    for pid in pids:
        try:
            descriptors = list((PROC / str(pid) / "fd").iterdir())
        except (FileNotFoundError, ProcessLookupError):
            continue
        for descriptor in descriptors:
            try:
                target = str(descriptor.readlink())
            except (FileNotFoundError, ProcessLookupError):
                continue
            if target.startswith("socket:["):
                inodes.add(int(target[len("socket:[") : -1]))
    return inodes


@contextmanager
def started(
    name: str,
    command: Sequence[str],
    port: int,
    directory: Path,
    environment: Mapping[str, str],
    patience: float = 1.0,
    at: Path | None = None,
) -> Iterator[Running]:
    """Runs a server for the length of a `with` block.

    Args:
        name: Its name in the tables.
        command: Its command line.
        port: Where it is going to answer.
        directory: Where it runs.
        environment: The variables it sees, all of them.
        patience: How many times the usual it may take to start and to end.
        at: The Unix socket where it is going to listen, behind a front that listens
            on the port.

    Raises:
        ServerError: It ended, did not listen in time, or another process listens on
            its port; with the last lines it printed.
    """
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        running = Running(name, process.pid, port)
        try:
            _wait_until_ready(running, process, output, READY_WITHIN * patience, at)
            yield running
        finally:
            _stop(process, STOP_WITHIN * patience)


def _wait_until_ready(
    running: Running,
    process: subprocess.Popen[bytes],
    output: IO[bytes],
    within: float,
    at: Path | None,
) -> None:
    deadline = time.monotonic() + within
    while not _answers(at or running.port):
        if process.poll() is not None:
            raise ServerError(
                f"ended with status {process.returncode}: {_tail(output)}"
            )
        if time.monotonic() > deadline:
            raise ServerError(f"not ready after {within:.0f} s: {_tail(output)}")
        time.sleep(0.02)
    if at is not None:
        return  # nobody else knows of it
    listening = listening_sockets(running.port)
    ours = open_sockets(stat.pid for stat in running.tree())
    if not listening or listening - ours:
        raise ServerError(f"port {running.port} belongs to another process")


def _answers(place: int | Path) -> bool:
    try:
        connected(place, timeout=1).close()
    except OSError:
        return False
    return True


def connected(place: int | Path, timeout: float) -> socket.socket:
    """Connects to a port of the loopback address, or to a Unix socket."""
    if isinstance(place, int):
        return socket.create_connection((HOST, place), timeout)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(timeout)
    try:
        connection.connect(str(place))
    except OSError:
        connection.close()
        raise
    return connection


def _tail(output: IO[bytes]) -> str:
    output.seek(0)
    lines = output.read().decode(errors="replace").strip().splitlines()
    return " | ".join(lines[-3:]) or "it printed nothing"


def _stop(process: subprocess.Popen[bytes], within: float) -> None:
    """Asks the server to end, then ends what is left of its tree, by pid.

    The tree is read before the signal: afterwards orphans have another parent.
    """
    tree = process_tree(process.pid)
    process.terminate()
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    orphans = [stat.pid for stat in tree if stat.pid != process.pid]
    for pid in orphans:
        _kill(pid)


def _kill(pid: int) -> None:
    """Ends an orphan; one that ended on its own is what we want.

    A pid is not given anew within the few seconds since the tree was read.
    """
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
