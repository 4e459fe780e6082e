"""Many clients at once, none of them well-behaved, on one thread."""

from __future__ import annotations

import selectors
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Client:
    """One connection, and what it has got."""

    connection: socket.socket
    received: bytearray = field(default_factory=bytearray)
    closed: bool = False


def connect(port: int) -> socket.socket:
    """Opens a connection that does not block from then on."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.setblocking(False)
    return connection


class Crowd:
    """Clients that are driven together.

    Args:
        port: Where the server listens.
        count: How many clients.
        first: What each sends at once.
        room: Size of each one's receive buffer, or 0 for the usual.
    """

    def __init__(self, port: int, count: int, first: bytes, room: int = 0) -> None:
        self.clients = []
        self._selector = selectors.DefaultSelector()
        for _ in range(count):
            client = Client(connect(port))
            if room:
                client.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
            client.connection.send(first)
            self.clients.append(client)

    def drive(
        self,
        seconds: float,
        send: Callable[[Client], None] = lambda client: None,
        every: float = 0.2,
        reading: bool = True,
    ) -> None:
        """Lets `send` act for each open client now and then, and takes what comes."""
        if reading:
            for client in self.open:
                self._selector.register(client.connection, selectors.EVENT_READ, client)
        deadline = time.monotonic() + seconds
        due = time.monotonic()
        while (now := time.monotonic()) < deadline and self.open:
            if now >= due:
                due = now + every
                for client in self.open:
                    with suppress(OSError):
                        send(client)
            for key, _ in self._selector.select(min(due, deadline) - now):
                self._take(key.data)
        for key in list(self._selector.get_map().values()):
            self._selector.unregister(key.fileobj)

    @property
    def open(self) -> list[Client]:
        """Those whose connection the server has not ended."""
        return [client for client in self.clients if not client.closed]

    def _take(self, client: Client) -> None:
        try:
            piece = client.connection.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        client.received += piece
        if not piece:
            client.closed = True
            self._selector.unregister(client.connection)

    def starting(self, start: bytes) -> int:
        """How many have got an answer that starts like this."""
        return sum(client.received.startswith(start) for client in self.clients)

    def close(self) -> None:
        """Closes all of them."""
        for client in self.clients:
            client.connection.close()
        self._selector.close()
