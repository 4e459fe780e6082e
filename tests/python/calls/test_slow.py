"""`--slow`: requests that take long, in the log."""

from __future__ import annotations

import re
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from command.running import PATIENCE, get

if TYPE_CHECKING:
    from .conftest import Starter


@pytest.mark.parametrize("carrier", ["hyper", "tiny-http"])
@pytest.mark.parametrize("api", ["wsgi", "native"])
def test_a_slow_request_is_reported_with_its_stack_and_its_end(
    serve: Starter, carrier: str, api: str
) -> None:
    server, port = serve("--backend", carrier, "--slow", "250ms", app=f"held:{api}")
    for _ in range(3):
        assert get(port, "/slow?0.8").body == b"hello"
        server.wait_for(
            r"warning: slow request \(GET /slow\?0\.8, 127\.0\.0\.1, "
            r"0\.[2-7]\d s so far\)$"
        )
        server.wait_for(rf'^    File ".*held\.py", line \d+, in {api}$')
        server.wait_for(r'^    File ".*held\.py", line \d+, in answer$')
        server.wait_for(r"^      time\.sleep\(float\(query\.split\(\":\"\)\[0\]\)\)$")
        server.wait_for(
            r"warning: slow request ended \(GET /slow\?0\.8, 127\.0\.0\.1, "
            r"\d\.\d\d s\)$"
        )
    assert get(port).body == b"hello"
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    assert sum("slow request (" in line for line in server.said) == 3


def test_a_stack_is_had_while_the_lock_of_python_is_not(serve: Starter) -> None:
    server, port = serve("--slow", "0.3")
    assert get(port, "/gil").body == b"hello"
    server.wait_for(r"slow request \(GET /gil, ")
    server.wait_for("Python's lock is held by code that is not Python")
    server.wait_for(r'File ".*held\.py", line \d+ in hold_the_gil')
    server.wait_for(r"slow request ended \(GET /gil, ")


def test_many_slow_requests_do_not_fill_the_log(serve: Starter) -> None:
    server, port = serve("--slow", "0.2")
    with ThreadPoolExecutor(25) as pool:
        answers = pool.map(lambda _: get(port, "/slow?0.6").status, range(25))
        assert list(answers) == [200] * 25
    for _ in range(10):
        server.wait_for(r"slow request ended \(")
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    assert sum("slow request (" in line for line in server.said) == 10
    assert sum("slow request ended (" in line for line in server.said) == 10


def test_a_target_writes_no_line_and_no_escape(serve: Starter) -> None:
    server, port = serve("--slow", "0.2")
    target = b"/slow?0.5:%0anarthex:%20error:%20forged%1b[31m'{|}`\\"
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        head = b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        client.sendall(head % target)
        assert client.recv(65536)[:12] == b"HTTP/1.1 200"
    server.wait_for(r"slow request ended \(GET /slow\?0\.5:%0anarthex")
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    for line in server.said:
        assert re.fullmatch(r"[ -~]*", line)
        assert not line.startswith("narthex: error")
