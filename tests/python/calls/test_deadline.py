"""`--timeout`: requests that the application holds past their deadline."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from command.running import PATIENCE, Server, get

if TYPE_CHECKING:
    from .conftest import Starter

BACKENDS = ("hyper", "tiny-http")
APIS = ("wsgi", "native")
STUCK = {
    "/wait": "wait_for_release",
    "/spin": "spin",
    "/deadlock": "deadlock",
    "/gil": "hold_the_gil",
}
EXPIRED = re.compile(
    rb"HTTP/1\.1 504 Gateway Timeout\r\n"
    rb"content-type: text/plain; charset=utf-8\r\n"
    rb"connection: close\r\n"
    rb"content-length: 16\r\n"
    rb"date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n"
    rb"\r\n"
    rb"(?:Gateway Timeout\n)?"
)


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), PATIENCE)


def talk(port: int, target: str, method: str = "GET") -> bytes:
    """Sends one request and receives all until the end of the connection."""
    with connect(port) as client:
        send(client, target, method)
        return rest(client)


def send(client: socket.socket, target: str, method: str = "GET") -> None:
    client.sendall(f"{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())


def rest(client: socket.socket) -> bytes:
    """Receives until the server ends the connection, by whatever means."""
    received = b""
    try:
        while data := client.recv(65536):
            received += data
    except ConnectionResetError:
        pass
    return received


def release(port: int) -> None:
    assert get(port, "/release").body == b"released"


@pytest.mark.parametrize("carrier", BACKENDS)
@pytest.mark.parametrize("api", APIS)
def test_a_stuck_request_is_answered_504_and_its_stack_is_shown(
    serve: Starter, carrier: str, api: str
) -> None:
    server, port = serve("--backend", carrier, "--timeout", "1", app=f"held:{api}")
    other = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def hello() -> None:
        other.request("GET", "/")
        assert other.getresponse().read() == b"hello"

    hello()
    for path, function in STUCK.items():
        started = time.monotonic()
        received = talk(port, path)
        assert EXPIRED.fullmatch(received), received
        assert received.endswith(b"\nGateway Timeout\n")
        assert time.monotonic() - started < 15
        server.wait_for(
            rf"error: request deadline passed \(GET {path}, 127\.0\.0\.1, "
            r"1\.\d+ s\): answered 504$"
        )
        server.wait_for(rf'File ".*held\.py", line \d+,? in {function}')
        if path == "/gil":
            assert any("as faulthandler sees it" in line for line in server.said)
        else:
            hello()
            release(port)
        server.wait_for(rf"request ended after its deadline \(GET {path}, ")
    hello()
    other.close()


@pytest.mark.parametrize("carrier", BACKENDS)
@pytest.mark.parametrize("api", APIS)
def test_a_response_that_has_begun_is_cut(
    serve: Starter, carrier: str, api: str
) -> None:
    server, port = serve("--backend", carrier, "--timeout", "1", app=f"held:{api}")
    for _ in range(3):  # the first time it runs aside, and then inline
        received = talk(port, "/generator")
        assert received.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"one" in received
        assert b"two" not in received
        assert not received.endswith(b"0\r\n\r\n")
        server.wait_for(r"deadline passed \(GET /generator, .*: connection cut$")
        server.wait_for(r'File ".*held\.py", line \d+, in make')
        release(port)
        server.wait_for(r"ended after its deadline \(GET /generator, ")
    assert get(port).body == b"hello"


@pytest.mark.parametrize("carrier", BACKENDS)
@pytest.mark.parametrize("api", APIS)
def test_an_end_that_hangs_is_noticed(serve: Starter, carrier: str, api: str) -> None:
    server, port = serve("--backend", carrier, "--timeout", "1", app=f"held:{api}")
    for _ in range(2):
        if api == "wsgi":  # it has been sent all before it is closed
            assert get(port, "/close").body == b"onetwo"
        else:
            received = talk(port, "/close")
            assert b"two" in received
            assert not received.endswith(b"0\r\n\r\n")
        server.wait_for(r"deadline passed \(GET /close, ")
        server.wait_for(r'File ".*held\.py", line \d+, in close')
        release(port)
        server.wait_for(r"ended after its deadline \(GET /close, ")
    assert get(port).body == b"hello"


def test_a_head_request_gets_no_body(serve: Starter) -> None:
    _, port = serve("--timeout", "1")
    received = talk(port, "/wait", "HEAD")
    assert EXPIRED.fullmatch(received), received
    assert received.endswith(b"\r\n\r\n")


def test_a_route_that_was_fast_does_not_take_the_only_thread(serve: Starter) -> None:
    server, port = serve("--timeout", "1", "--threads", "1", "--access-log", "-")
    for _ in range(5):
        assert get(port, "/maybe").body == b"hello"
    with connect(port) as one:
        send(one, "/maybe")
        send(one, "/maybe?hold")
        send(one, "/maybe")  # never answered: the connection ends before
        assert get(port).body == b"hello"
        received = rest(one)
    first, _, second = received.partition(b"hello")
    assert first.startswith(b"HTTP/1.1 200 OK\r\n")
    assert EXPIRED.fullmatch(second), received
    server.wait_for(r"deadline passed \(GET /maybe\?hold, .*: answered 504$")
    release(port)
    server.wait_for(r"ended after its deadline \(GET /maybe\?hold, ")
    assert get(port).body == b"hello"
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    assert server.process.stdout is not None
    lines = server.process.stdout.read().decode().splitlines()
    held = [line for line in lines if "/maybe?hold" in line]
    assert len(held) == 1
    assert '" 504 16 ' in held[0]


def test_requests_that_are_stuck_at_once_are_each_answered(serve: Starter) -> None:
    server, port = serve("--timeout", "1")
    clients = [connect(port) for _ in range(6)]
    for client in clients:
        send(client, "/wait")
    assert get(port).body == b"hello"
    for client in clients:
        assert EXPIRED.fullmatch(rest(client))
        client.close()
    assert get(port).body == b"hello"
    release(port)
    for _ in clients:
        server.wait_for(r"ended after its deadline \(GET /wait, ")
    assert get(port).body == b"hello"


@pytest.mark.parametrize("carrier", BACKENDS)
@pytest.mark.parametrize("api", APIS)
def test_a_client_is_not_the_application(
    serve: Starter, carrier: str, api: str
) -> None:
    """A steady stream, a slow upload and a slow reader outlast the deadline."""
    server, port = serve(
        "--backend",
        carrier,
        "--timeout",
        "1",
        "--limit-body",
        "10M",
        app=f"held:{api}",
    )
    outcomes: dict[str, bytes] = {}

    def steady() -> None:
        outcomes["steady"] = get(port, "/steady").body

    def upload() -> None:
        with connect(port) as client:
            size = 400_000
            client.sendall(
                b"POST /upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                b"Content-Length: %d\r\n\r\n" % size
            )
            for _ in range(4):
                client.sendall(b"u" * (size // 4))
                time.sleep(0.7)
            outcomes["upload"] = rest(client)

    def download() -> None:
        with connect(port) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            client.sendall(
                b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            )
            received = client.recv(65536)
            time.sleep(2.5)
            outcomes["download"] = received + rest(client)

    threads = [threading.Thread(target=it) for it in (steady, upload, download)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes["steady"] == b"tick" * 14
    assert outcomes["upload"].endswith(b"400000")
    assert outcomes["download"].count(b"x" * 1024) >= 256 * 64 - 1024
    assert outcomes["download"].endswith(b"0\r\n\r\n")
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    assert not any("deadline" in line for line in server.said), server.said


def test_a_stream_of_http2_is_answered_and_its_connection_goes_on(
    serve: Starter,
) -> None:
    server, port = serve("--timeout", "1")
    url = f"http://127.0.0.1:{port}"
    ended = subprocess.run(
        ["nghttp", "--verbose", "--no-dep", f"{url}/wait", f"{url}/", f"{url}/steady"],
        capture_output=True,
        timeout=PATIENCE * 2,
        check=True,
    )
    said = ended.stdout.decode(errors="replace")
    statuses = re.findall(r"recv \(stream_id=\d+\) :status: (\d+)", said)
    assert sorted(statuses) == ["200", "200", "504"], said
    assert said.count("tick") == 14
    assert "Gateway Timeout" in said
    assert "RST_STREAM" not in said
    server.wait_for(r"deadline passed \(GET /wait, .*: answered 504$")
    release(port)
    server.wait_for(r"ended after its deadline \(GET /wait, ")


def test_of_a_connection_of_http2_only_the_stream_is_cut(serve: Starter) -> None:
    server, port = serve("--timeout", "1")
    url = f"http://127.0.0.1:{port}"
    ended = subprocess.run(
        ["nghttp", "--verbose", "--no-dep", f"{url}/generator", f"{url}/steady"],
        capture_output=True,
        timeout=PATIENCE * 2,
        check=False,
    )
    said = ended.stdout.decode(errors="replace")
    assert said.count("tick") == 14, said
    assert "one" in said
    assert "two" not in said
    assert len(re.findall(r"recv RST_STREAM", said)) == 1, said
    server.wait_for(r"deadline passed \(GET /generator, .*: connection cut$")
    release(port)
    server.wait_for(r"ended after its deadline \(GET /generator, ")


def test_a_connection_of_http2_that_is_stuck_itself_is_cut(serve: Starter) -> None:
    server, port = serve("--timeout", "1")
    url = f"http://127.0.0.1:{port}"
    for _ in range(3):
        assert get(port, "/maybe").body == b"hello"
    ended = subprocess.run(
        ["nghttp", "--verbose", "--no-dep", f"{url}/maybe?hold"],
        capture_output=True,
        timeout=PATIENCE * 2,
        check=False,
    )
    assert b"recv (stream_id" not in ended.stdout
    server.wait_for(r"deadline passed \(GET /maybe\?hold, .*: connection cut$")
    assert get(port).body == b"hello"
    release(port)
    server.wait_for(r"ended after its deadline \(GET /maybe\?hold, ")


def test_the_signals_of_the_application_are_left_to_it(
    serve: Starter, tmp_path: Path
) -> None:
    """The application dumps stacks at the very signal that would be ours."""
    dump = tmp_path / "dump"
    dump.touch()
    server, port = serve("--timeout", "1", env={"HELD_DUMP": str(dump)})
    assert EXPIRED.fullmatch(talk(port, "/gil"))
    server.wait_for("as faulthandler sees it")
    server.wait_for(r'File ".*held\.py", line \d+ in hold_the_gil')
    assert dump.read_text() == ""
    server.send(signal.SIGRTMIN + 10)  # type: ignore[arg-type]
    deadline = time.monotonic() + PATIENCE
    while "most recent call first" not in dump.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert get(port).body == b"hello"


def test_nothing_is_left_of_requests_that_end_late(serve: Starter) -> None:
    server, port = serve("--timeout", "0.2")

    def batch() -> None:
        clients = [connect(port) for _ in range(10)]
        for client in clients:
            send(client, "/wait")
        for client in clients:
            assert EXPIRED.fullmatch(rest(client))
            client.close()
        release(port)
        for _ in clients:
            server.wait_for(r"ended after its deadline \(GET /wait, ")

    batch()
    before = resources(server)
    for _ in range(5):
        batch()
    deadline = time.monotonic() + PATIENCE
    while True:
        after = resources(server)
        grown = [now - then for now, then in zip(after, before, strict=True)]
        # A thread that has just come up is no leak, nor are a few pages.
        if grown[0] <= 0 and grown[1] <= 2 and grown[2] <= 2048:
            break
        assert time.monotonic() < deadline, (before, after)
        time.sleep(0.2)


def resources(server: Server) -> tuple[int, int, int]:
    """The descriptors, threads and resident kilobytes of a server."""
    process = Path(f"/proc/{server.process.pid}")
    status = (process / "status").read_text()
    resident = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert resident
    return (
        len(list((process / "fd").iterdir())),
        len(list((process / "task").iterdir())),
        int(resident[1]),
    )
