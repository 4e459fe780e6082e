"""Slow clients: bodies sent and read at a given pace, many from one thread."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from typing import Protocol

from .client import Head, connect, parse_head, request_bytes

TICK = 0.01
PIECE = 1 << 16


class SlowJob(Protocol):
    """One exchange that is moved on by small steps."""

    def open(self, port: int) -> None:
        """Connects and sends the request's head."""

    def step(self, elapsed: float) -> bool:
        """Moves on to where it should be by now; tells whether it is done.

        Raises:
            OSError: The connection broke.
            ValueError: The answer is wrong.
        """

    def close(self) -> None:
        """Closes the connection."""


class SlowReader:
    """Reads a large body evenly over `lasting` seconds."""

    def __init__(self, size: int, lasting: float) -> None:
        """Asks for `size` bytes."""
        self._size = size
        self._pace = size / lasting
        self._received = 0
        self._head: Head | None = None
        self._start = b""
        self._connection: socket.socket

    def open(self, port: int) -> None:
        """Connects and sends the request."""
        self._connection = connect(port)
        self._connection.sendall(request_bytes(f"/download/{self._size}"))
        self._connection.setblocking(False)

    def step(self, elapsed: float) -> bool:
        """Reads what is due by now."""
        due = min(int(elapsed * self._pace), self._size)
        while self._received < due:
            try:
                piece = self._connection.recv(min(PIECE, due - self._received))
            except BlockingIOError:
                return False
            if not piece:
                raise ValueError(f"closed after {self._received} of {self._size} bytes")
            self._take(piece)
        return self._received == self._size

    def _take(self, piece: bytes) -> None:
        if self._head is not None:
            self._received += len(piece)
            return
        self._start += piece
        self._head = parse_head(self._start)
        if self._head is None:
            return
        if (self._head.status, self._head.length) != (200, self._size):
            raise ValueError(f"answered {self._head.status} to a slow reader")
        self._received = len(self._head.rest)

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()


class SlowUpload:
    """Sends a body evenly over `lasting` seconds, then reads the answer."""

    def __init__(self, size: int, lasting: float) -> None:
        """Sends `size` bytes."""
        self._size = size
        self._pace = size / lasting
        self._sent = 0
        self._answer = b""
        self._connection: socket.socket

    def open(self, port: int) -> None:
        """Connects and sends the request's head."""
        self._connection = connect(port)
        headers = (("Content-Length", str(self._size)),)
        self._connection.sendall(request_bytes("/upload", headers, "POST"))
        self._connection.setblocking(False)

    def step(self, elapsed: float) -> bool:
        """Sends what is due by now, and at the end reads the answer."""
        due = min(int(elapsed * self._pace), self._size)
        try:
            while self._sent < due:
                piece = bytes(min(PIECE, due - self._sent))
                self._sent += self._connection.send(piece)
            if self._sent < self._size:
                return False
            piece = self._connection.recv(PIECE)
        except BlockingIOError:
            return False
        if not piece:
            raise ValueError("closed before the answer to a slow upload")
        self._answer += piece
        head = parse_head(self._answer)
        if head is None or len(head.rest) < head.length:
            return False
        if (head.status, head.rest) != (200, str(self._size).encode()):
            raise ValueError(f"answered {head.status} to a slow upload")
        return True

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()


def drive(jobs: Sequence[SlowJob], port: int, limit: float) -> list[str | None]:
    """Moves all jobs on until each is done or the time is over.

    Returns:
        For each job None, or what went wrong.
    """
    outcomes: dict[int, str | None] = {}
    for job in jobs:
        job.open(port)
    start = time.monotonic()
    while len(outcomes) < len(jobs) and time.monotonic() - start < limit:
        time.sleep(TICK)
        for index, job in enumerate(jobs):
            if index in outcomes:
                continue
            try:
                if job.step(time.monotonic() - start):
                    outcomes[index] = None
            except (OSError, ValueError) as error:
                outcomes[index] = str(error)
    for job in jobs:
        job.close()
    late = f"a slow client was not done after {limit:.0f} s"
    return [outcomes.get(index, late) for index in range(len(jobs))]
