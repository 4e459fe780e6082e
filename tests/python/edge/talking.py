"""Talking to a server over TLS, and looking at its process."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import time
from typing import TYPE_CHECKING

from command.running import PATIENCE

if TYPE_CHECKING:
    from command.running import Server


def https_port(server: Server) -> int:
    """Waits until the server listens for HTTPS."""
    return int(server.wait_for(r"listening on https://127\.0\.0\.1:(\d+)$")[1])


def connect(
    port: int, context: ssl.SSLContext, name: str = "localhost"
) -> ssl.SSLSocket:
    """Shakes hands with the server as `name`."""
    plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
    try:
        return context.wrap_socket(
            plain, server_hostname=name, suppress_ragged_eofs=False
        )
    except BaseException:
        plain.close()
        raise


def get(
    port: int, context: ssl.SSLContext, target: str = "/", name: str = "localhost"
) -> bytes:
    """The body of a response over HTTPS."""
    connection = http.client.HTTPSConnection(
        name, port, timeout=PATIENCE, context=context
    )
    connection.sock = connect(port, context, name)
    try:
        connection.request("GET", target)
        response = connection.getresponse()
        assert response.status == 200
        return response.read()
    finally:
        connection.close()


def variables(port: int, context: ssl.SSLContext) -> dict[str, str]:
    """What the application is told of a request."""
    found: dict[str, str] = json.loads(get(port, context, "/environment"))
    return found


def read_all(sock: socket.socket, received: bytearray | None = None) -> bytes:
    """Everything up to the end of the connection; `received` has it when that fails."""
    received = bytearray() if received is None else received
    while piece := sock.recv(65536):
        received += piece
    return bytes(received)


def resident(process: int) -> int:
    """Kilobytes of memory that a process has."""
    with open(f"/proc/{process}/status") as status:  # noqa: PTH123 - no file
        found = re.search(r"VmRSS:\s*(\d+) kB", status.read())
    assert found
    return int(found[1])


def wait_until_closed(sock: socket.socket, patience: float = PATIENCE) -> float:
    """Seconds until the server ends the connection; what it sends is thrown away."""
    began = time.monotonic()
    sock.settimeout(patience)
    try:
        while sock.recv(65536):
            assert time.monotonic() - began < patience, "the connection is kept"
    except (ConnectionError, ssl.SSLError):
        pass  # closed all the same
    return time.monotonic() - began
