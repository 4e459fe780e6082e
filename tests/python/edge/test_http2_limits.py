"""HTTP/2 clients that mean harm: bounded work, bounded memory, others are served."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from command.running import PATIENCE
from command.running import get as get_plain

from .frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    GOAWAY,
    HEADERS,
    PING,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Client,
    field,
    frame,
    get,
    request,
)
from .talking import https_port, resident, wait_until_closed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from command.running import Server

    from .certificates import Pair
    from .conftest import Starter

PROTOCOL_ERROR = 1
CANCEL = (8).to_bytes(4, "big")
ZERO = bytes(4)
INITIAL_WINDOW_SIZE = 4
GROWTH = 12 * 1024


class Target:
    """A server under attack."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.port = server.wait_for_port()
        self.process = server.process.pid
        assert get_plain(self.port).body == b"hello"
        with Client(self.port) as client:
            client.send(get(1))
            client.wait_for(DATA)
        self._memory = resident(self.process)

    def seconds(self) -> float:
        """Time of the processor that it has had."""
        with open(f"/proc/{self.process}/stat") as stat:  # noqa: PTH123 - no file
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def assert_well(self) -> None:
        """It serves others, and has not grown."""
        assert get_plain(self.port).body == b"hello"
        assert resident(self.process) - self._memory < GROWTH


@pytest.fixture
def target(start: Starter) -> Iterator[Target]:
    target = Target(start())
    yield target
    target.assert_well()


def resets(streams: int) -> bytes:
    """Requests that are taken back at once (CVE-2023-44487)."""
    return b"".join(
        get(stream) + frame(RST_STREAM, 0, stream, CANCEL)
        for stream in range(1, 2 * streams, 2)
    )


FLOODS = {
    "PING": frame(PING, payload=bytes(8)),
    "SETTINGS": frame(SETTINGS),
    "PRIORITY": frame(PRIORITY, 0, 3, bytes([0, 0, 0, 1, 16])),
    "WINDOW_UPDATE": frame(WINDOW_UPDATE, 0, 1, (1).to_bytes(4, "big")),
    "unknown": frame(0xFA, payload=b"x"),
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_of_frames_is_ended(target: Target, kind: str) -> None:
    before = target.seconds()
    with Client(target.port) as client:
        client.send(frame(HEADERS, END_HEADERS, 1, request("/upload", "POST")))
        assert client.flood(FLOODS[kind] * 100_000) in (ENHANCE_YOUR_CALM, 0)
    target.server.wait_for(f"info: connection of 127.0.0.1 ended: too many {kind} ")
    assert target.seconds() - before < 1


def test_a_flood_that_stops_is_told(target: Target) -> None:
    """What it said is not lost with bytes that were not read."""
    with Client(target.port) as client:
        assert client.flood(FLOODS["PING"] * 1100) == ENHANCE_YOUR_CALM


def test_requests_that_are_taken_back_at_once_are_counted(target: Target) -> None:
    before = target.seconds()
    with Client(target.port) as client:
        assert client.flood(resets(20_000)) in (ENHANCE_YOUR_CALM, 0)
    assert target.seconds() - before < 1


def test_requests_that_are_taken_back_from_the_application_are_counted(
    target: Target,
) -> None:
    before = target.seconds()
    with Client(target.port) as client:
        client.socket.settimeout(0.005)
        for stream in range(1, 2001, 2):
            try:
                client.send(get(stream))
                for received in client.frames():
                    if received.kind == HEADERS:
                        break
                client.send(frame(RST_STREAM, 0, stream, CANCEL))
            except TimeoutError:
                continue
            except ConnectionError:
                break
    target.server.wait_for("too many RST_STREAM frames")
    assert target.seconds() - before < 5


def test_a_head_without_end_is_ended(target: Target) -> None:
    with Client(target.port) as client:
        client.send(frame(HEADERS, 0, 1, request()))
        piece = frame(CONTINUATION, 0, 1, field("x", "y" * 100) * 100)
        assert client.flood(piece * 500) is not None
    with Client(target.port) as client:
        client.send(frame(HEADERS, 0, 1, request()))
        assert client.flood(frame(CONTINUATION, 0, 1) * 10) == ENHANCE_YOUR_CALM


def test_a_head_that_grows_when_unpacked_is_refused(target: Target) -> None:
    """A large field, remembered, then named by a byte each time (RFC 7541, 7.3)."""
    value = b"v" * 3900
    more = len(value) - 127
    literal = b"\x40\x01a\x7f" + bytes([more % 128 | 128, more // 128])
    with Client(target.port) as client:
        bomb = request() + literal + value + b"\xbe" * 12_000
        client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, bomb))
        for received in client.frames():
            if received.kind == GOAWAY:
                assert int.from_bytes(received.payload[4:8], "big") == ENHANCE_YOUR_CALM
                break
            if received.kind in (HEADERS, RST_STREAM):
                break
        else:
            pytest.fail("no answer")


def test_fields_are_counted(target: Target) -> None:
    with Client(target.port) as client:
        many = request(more=b"".join(field(f"x-{n}", "") for n in range(101)))
        client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, many))
        head = client.wait_for(HEADERS)
        # The name of :status, and 431 in Huffman's code (RFC 7541, appendices A and B).
        assert head.payload.startswith(b"\x48\x83\x69\x90\xff")


def test_fields_without_a_name_are_refused(target: Target) -> None:
    """Names of no length, each of which something might keep (CVE-2019-9516)."""
    nameless = request(more=b"\0\0\0" * 500)
    with Client(target.port) as client:
        client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, nameless))
        for received in client.frames():
            assert received.kind != HEADERS
            if received.kind in (GOAWAY, RST_STREAM):
                error = int.from_bytes(received.payload[-4:], "big")
                assert error == PROTOCOL_ERROR or received.kind == GOAWAY
                break
        else:
            pytest.fail("it was not refused")


def test_streams_that_have_to_be_reset_are_counted(target: Target) -> None:
    """The server made to reset streams itself (CVE-2025-8671)."""
    bad = request(more=field("connection", "close"))
    flood = b"".join(
        frame(HEADERS, END_STREAM | END_HEADERS, stream, bad)
        for stream in range(1, 10_001, 2)
    )
    with Client(target.port) as client:
        assert client.flood(flood) in (ENHANCE_YOUR_CALM, 0)


def test_data_frames_without_data_are_counted(target: Target) -> None:
    with Client(target.port) as client:
        client.send(frame(HEADERS, END_HEADERS, 1, request("/upload", "POST")))
        assert client.flood(frame(DATA, 0, 1) * 50_000) in (ENHANCE_YOUR_CALM, 0)


def test_streams_are_bounded(start: Starter) -> None:
    target = Target(start("--h2-max-streams", "3"))
    with Client(target.port) as client:
        client.send(b"".join(get(stream, "/quiet") for stream in (1, 3, 5, 7)))
        refused = client.wait_for(RST_STREAM)
        assert (refused.stream, refused.payload) == (7, (7).to_bytes(4, "big"))
    settings = {}
    with Client(target.port) as client:
        payload = client.wait_for(SETTINGS).payload
        for at in range(0, len(payload), 6):
            key = int.from_bytes(payload[at : at + 2], "big")
            settings[key] = int.from_bytes(payload[at + 2 : at + 6], "big")
    assert settings[3] == 3
    target.assert_well()


def test_slow_readers_hold_little(start: Starter) -> None:
    """Windows as large as can be, many streams, and nobody reads."""
    target = Target(start())
    clients = []
    for _ in range(3):
        client = Client(target.port, {INITIAL_WINDOW_SIZE: 2**31 - 1}, room=4096)
        clients.append(client)
        client.send(frame(WINDOW_UPDATE, 0, 0, (2**31 - 65536).to_bytes(4, "big")))
        client.send(b"".join(get(stream, "/big") for stream in range(1, 200, 2)))
    deadline = time.monotonic() + 3
    most = 0
    while time.monotonic() < deadline:
        most = max(most, resident(target.process))
        time.sleep(0.05)
    assert get_plain(target.port).body == b"hello"
    for client in clients:
        client.socket.close()
    # 100 streams of 64 KiB and a piece of 64 KiB each.
    assert most - target._memory < 3 * 100 * 160


def test_closed_windows_are_no_hiding_place(start: Starter) -> None:
    options = ("--write-timeout", "1", "--keep-alive", "1")
    target = Target(start(*options))
    for path in ("/whole", "/big"):
        with Client(target.port, {INITIAL_WINDOW_SIZE: 0}) as client:
            client.send(b"".join(get(stream, path) for stream in range(1, 40, 2)))
            assert client.wait_for(HEADERS)
            began = time.monotonic()
            # Keeping the connection busy does not help.
            while time.monotonic() - began < PATIENCE:
                try:
                    client.send(frame(PING, payload=bytes(8)))
                except ConnectionError:
                    break
                time.sleep(0.1)
            else:
                pytest.fail(f"{path}: the connection is kept")


def test_pings_keep_no_connection(start: Starter) -> None:
    target = Target(start("--keep-alive", "1"))
    with Client(target.port) as client:
        client.send(get(1))
        began = time.monotonic()
        try:
            while time.monotonic() - began < PATIENCE:
                client.send(frame(PING, payload=bytes(8)))
                time.sleep(0.1)
            pytest.fail("the connection is kept")
        except ConnectionError:
            pass
    target.assert_well()


def test_a_quiet_stream_keeps_its_connection(start: Starter) -> None:
    server = start("--keep-alive", "0.5", "--write-timeout", "0.5")
    with Client(server.wait_for_port()) as client:
        client.send(get(1, "/quiet"))
        received = b""
        for one in client.frames():
            if one.kind == DATA:
                received += one.payload
                if one.flags & END_STREAM:
                    break
        assert received == b"aaaa"
        wait_until_closed(client.socket)


@pytest.mark.parametrize("secured", [False, True])
def test_real_load_is_no_flood(start: Starter, pair: Pair, secured: bool) -> None:
    server = start(*(pair.options if secured else ()))
    port = https_port(server) if secured else server.wait_for_port()
    scheme = "https" if secured else "http"
    for path, number in (("/", "5000"), ("/whole", "400")):
        done = subprocess.run(
            [
                *("h2load", "-n", number, "-c", "4", "-m", "64"),
                f"{scheme}://127.0.0.1:{port}{path}",
            ],
            capture_output=True,
            timeout=60,
            check=False,
            text=True,
        )
        said = done.stdout + done.stderr
        assert f"{number} succeeded, 0 failed, 0 errored, 0 timeout" in said, said


def test_pongs_cost_little(target: Target) -> None:
    """An honest client's keep-alive is answered."""
    with Client(target.port) as client:
        for number in range(200):
            client.send(frame(PING, payload=number.to_bytes(8, "big")))
            answer = client.wait_for(PING)
            assert answer.flags & ACK
            assert int.from_bytes(answer.payload, "big") == number
