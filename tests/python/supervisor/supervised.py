"""A supervised server, what it is made of, and load for it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from command.running import PATIENCE, Server, get, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from subprocess import CompletedProcess

APP = """\
import ctypes, os, sys, time

HELD = []


def app(environ, start_response):
    path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    if path == "/sleep":
        print("asleep", file=sys.stderr, flush=True)
        time.sleep(float(query))
    elif path == "/exit":
        os._exit(7)
    elif path == "/crash":
        ctypes.string_at(0)
    elif path == "/grow":
        HELD.append(bytearray(os.urandom(1)) * (int(query) << 20))
    elif path == "/spin":
        while True:
            pass
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"first {os.getpid()}".encode()]
"""


def until(what: Callable[[], bool], patience: float = PATIENCE) -> float:
    """Waits until something holds; returns how long it took."""
    begun = time.monotonic()
    while not what():
        waited = time.monotonic() - begun
        assert waited < patience, "it does not happen"
        time.sleep(0.01)
    return time.monotonic() - begun


def children(process: int) -> list[int]:
    path = Path(f"/proc/{process}/task/{process}/children")
    try:
        return [int(number) for number in path.read_text().split()]
    except FileNotFoundError:
        return []


def is_running(process: int) -> bool:
    """Whether a process is there and has not ended: an orphan may wait to be reaped."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def descriptors(process: int) -> list[str]:
    """What the descriptors of a process are, such as ``socket:[123]``."""
    listing = Path(f"/proc/{process}/fd")
    return [str(entry.readlink()) for entry in listing.iterdir() if entry.is_symlink()]


class Supervised(Server):
    """A parent and its workers."""

    port: int
    took: float

    def become_ready(self) -> None:
        begun = time.monotonic()
        self.port = self.wait_for_port()
        self.took = time.monotonic() - begun

    @property
    def workers(self) -> list[int]:
        return children(self.process.pid)

    def pid(self) -> int:
        """Asks which worker answers."""
        return int(get(self.port).body.split()[1])

    def command(self, *words: str) -> CompletedProcess[bytes]:
        env = dict(os.environb)
        directory = Path(f"/proc/{self.process.pid}/environ").read_bytes()
        for line in directory.split(b"\0"):
            if line.startswith(b"NARTHEX_RUNTIME_DIR="):
                env[b"NARTHEX_RUNTIME_DIR"] = line.partition(b"=")[2]
        settings = {"NARTHEX_RUNTIME_DIR": os.fsdecode(env[b"NARTHEX_RUNTIME_DIR"])}
        return run(*words, cwd=Path("/"), env=settings)

    def status(self) -> dict[str, Any]:
        """Asks by the control socket, as the command does, but faster."""
        directory = re.search(
            rb"NARTHEX_RUNTIME_DIR=([^\0]+)",
            Path(f"/proc/{self.process.pid}/environ").read_bytes(),
        )
        assert directory
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(f"{os.fsdecode(directory[1])}/shop.sock")
            asking.sendall(b"status json\n")
            answer = b""
            while data := asking.recv(65536):
                answer += data
        status: dict[str, Any] = json.loads(answer)
        return status

    def is_whole(self, workers: int) -> bool:
        """Whether so many serve, and nobody starts or leaves."""
        states = [worker["state"] for worker in self.status()["workers"]]
        return states == ["serving"] * workers

    def reload(self) -> None:
        """Reloads, and waits until the old workers have been told to leave."""
        self.send(signal.SIGHUP)
        self.wait_for("^narthex: info: reloaded: ")

    def all_gone(self, workers: list[int]) -> bool:
        return not any(is_running(worker) for worker in workers)


class Load:
    """Clients that send requests one after another, and what became of them."""

    def __init__(self, port: int, path: str = "/") -> None:
        self.port = port
        self.request = f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        self.answered = 0
        self.retried = 0
        self.lost: list[str] = []
        self.stop = threading.Event()
        self._lock = threading.Lock()

    def keep_alive(self) -> None:
        """Sends requests on one connection for as long as the server keeps it."""
        while not self.stop.is_set():
            with self._connection() as connection:
                while not self.stop.is_set() and self._ask(connection):
                    pass

    def reconnect(self) -> None:
        """Sends each request by a connection of its own."""
        while not self.stop.is_set():
            with self._connection() as connection:
                self._ask(connection)

    @contextmanager
    def _connection(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
            yield connection

    def _ask(self, connection: socket.socket) -> bool:
        """Sends a request; says whether the connection may be used again."""
        received = b""
        try:
            connection.sendall(self.request)
            while b"\r\n\r\n" not in received:
                data = connection.recv(65536)
                if not data and not received:
                    self._count(retried=1)  # A clean end: it may be sent again.
                    return False
                assert data, f"cut in the head: {received!r}"
                received += data
            head, _, body = received.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            assert head.startswith(b"HTTP/1.1 200 "), head
            assert length, head
            while len(body) < int(length[1]):
                data = connection.recv(65536)
                assert data, "cut in the body"
                body += data
        except (OSError, AssertionError) as error:
            self._count(lost=repr(error))
            return False
        self._count(answered=1)
        return b"connection: close" not in head.lower()

    def _count(self, answered: int = 0, retried: int = 0, lost: str = "") -> None:
        with self._lock:
            self.answered += answered
            self.retried += retried
            if lost:
                self.lost.append(lost)

    @contextmanager
    def running(self, kept: int = 4, new: int = 2) -> Iterator[Load]:
        """Runs the clients while the block runs."""
        clients = [
            threading.Thread(target=self._guard, args=(self.keep_alive,))
            for _ in range(kept)
        ]
        clients += [
            threading.Thread(target=self._guard, args=(self.reconnect,))
            for _ in range(new)
        ]
        for client in clients:
            client.start()
        try:
            until(lambda: self.answered > 20)
            yield self
        finally:
            self.stop.set()
            for client in clients:
                client.join(PATIENCE)

    def _guard(self, client: Callable[[], None]) -> None:
        """Goes on with new connections until told to stop."""
        while not self.stop.is_set():
            with self._counting_failures():
                client()

    @contextmanager
    def _counting_failures(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._count(lost=f"no connection: {error!r}")

    def goes_on(self) -> None:
        """Waits until more requests have been answered."""
        before = self.answered
        until(lambda: self.answered > before + 50)
