"""Requests as bytes, and addresses that are free."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 20.0


def send(port: int, request: bytes) -> bytes:
    """Sends a request that ends its connection; returns everything that came."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.sendall(request)
        answer = b""
        try:
            while piece := client.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass  # a server may end like that after a refusal
        return answer


def request(target: bytes, *fields: bytes, method: bytes = b"GET") -> bytes:
    """The bytes of a request that ends its connection."""
    lines = [method + b" " + target + b" HTTP/1.1", b"Host: example.com", *fields]
    return b"\r\n".join([*lines, b"Connection: close", b"", b""])


def free_port() -> int:
    """A port that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(holds: Callable[[], bool]) -> None:
    """Waits until something holds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)
