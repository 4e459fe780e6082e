"""PEP 3333: wsgi.input, with bodies of known and of unknown length."""

from __future__ import annotations

import contextlib
import hashlib
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.backends import Backend
from support.client import ClosedError
from support.excuses import HALF, excuse
from support.server import Server, SocketServer, request_for
from wsgi.sites import body_input

pytestmark = pytest.mark.api("wsgi")

THREE = b"a1\nb2\nc3"
LINES = ["a1\n", "b2\n", "c3"]


@pytest.fixture
def server(backend: Backend) -> Server:
    """The applications of the site."""
    return backend.serve(Path(body_input.__file__))


@pytest.fixture(params=["length", "chunked"])
def chunked(request: pytest.FixtureRequest, backend: Backend) -> bool:
    """How the body is framed."""
    if request.param == "chunked":
        excuse(backend, "refuses_chunked_bodies")
    return bool(request.param == "chunked")


def run(server: Server, body: bytes, chunked: bool, *calls: list[Any]) -> list[Any]:
    """Has `calls` made on the input, and returns what each of them returned."""
    # Three bytes in a chunk, so that no read finds everything at once.
    pieces = [body[start : start + 3] for start in range(0, len(body), 3)]
    response = server.ask(
        "script",
        "POST",
        headers=[("X-Script", json.dumps(calls))],
        body=pieces if chunked else body,
        chunked=chunked,
        length=None if chunked else len(body),
    )
    assert response.status == 200, response
    results: list[Any] = json.loads(response.body)
    return results


READS: dict[str, tuple[bytes, list[tuple[list[Any], Any]]]] = {
    "read": (THREE, [(["read"], "a1\nb2\nc3"), (["read"], "")]),
    "read_size": (THREE, [(["read", 4], "a1\nb"), (["read", 100], "2\nc3")]),
    "read_zero": (THREE, [(["read", 0], ""), (["read"], "a1\nb2\nc3")]),
    "read_minus_one": (THREE, [(["read", -1], "a1\nb2\nc3"), (["read", -1], "")]),
    "read_none": (THREE, [(["read", None], "a1\nb2\nc3")]),
    "readline": (THREE, [(["readline"], line) for line in [*LINES, "", ""]]),
    "readline_size": (
        THREE,
        [
            (["readline", 2], "a1"),
            (["readline", 2], "\n"),
            (["readline", 100], "b2\n"),
            (["readline", 0], ""),
            (["readline", -1], "c3"),
        ],
    ),
    "readline_empty_lines": (
        b"\n\n\r\nx",
        [(["readline"], line) for line in ["\n", "\n", "\r\n", "x", ""]],
    ),
    "readlines": (THREE, [(["readlines"], LINES), (["readlines"], [])]),
    "iterate": (THREE, [(["iterate"], LINES), (["iterate"], [])]),
    "end_forever": (
        THREE,
        [
            (["read"], "a1\nb2\nc3"),
            (["read", 5], ""),
            (["readline"], ""),
            (["readlines"], []),
            (["iterate"], []),
            (["read", 0], ""),
            (["read"], ""),
        ],
    ),
    "mixed": (
        b"line one\nline two\nline three\nrest of it",
        [
            (["readline"], "line one\n"),
            (["read", 5], "line "),
            (["readline", 100], "two\n"),
            (["readline", 4], "line"),
            (["readlines"], [" three\n", "rest of it"]),
        ],
    ),
    "empty": (
        b"",
        [(["read"], ""), (["readline"], ""), (["readlines"], []), (["iterate"], [])],
    ),
    "any_byte": (
        bytes(range(256)),
        [(["read"], bytes(range(256)).decode("latin-1"))],
    ),
}


@pytest.mark.parametrize("name", READS)
def test_calls(server: Server, chunked: bool, name: str) -> None:
    """Each way to read gives exactly what is due."""
    body, expected = READS[name]
    results = run(server, body, chunked, *(call for call, _ in expected))
    assert results == [result for _, result in expected]


def test_readlines_hint(server: Server, chunked: bool) -> None:
    """With a hint, readlines gives whole lines, at least as many as the hint asks."""
    some, rest = run(server, THREE, chunked, ["readlines", 4], ["readlines"])
    assert some + rest == LINES
    assert len("".join(some)) >= 4


def test_next(server: Server, chunked: bool) -> None:
    """The input is iterable line by line, between other reads."""
    results = run(server, THREE, chunked, ["next"], ["read", 1], ["next"])
    assert results == ["a1\n", "b", "2\n"]


def test_no_body(server: Server) -> None:
    """A request without a body has an input at its end."""
    script = json.dumps([["read"], ["readline"], ["readlines"], ["iterate"]])
    response = server.ask("script", headers=[("X-Script", script)])
    assert json.loads(response.body) == ["", "", [], []]


@pytest.mark.parametrize("size", [1000, 65536, 10_000_000])
@pytest.mark.parametrize("total", [65535, 65536, 65537, 3_000_000])
def test_large(
    backend: Backend, server: Server, chunked: bool, total: int, size: int
) -> None:
    """Large bodies arrive whole, whatever the size of the reads."""
    if chunked:
        excuse(backend, "refuses_large_chunked_bodies")
    body = hashlib.sha256(b"x").digest() * (total // 32 + 1)
    body = body[:total]
    pieces = [body[start : start + 50_000] for start in range(0, total, 50_000)]
    response = server.ask(
        "digest",
        "POST",
        f"/?{size}",
        body=pieces if chunked else body,
        chunked=chunked,
    )
    assert response.text == f"{total} {hashlib.sha256(body).hexdigest()}"


@pytest.mark.parametrize("size", [10, 300_000])
def test_long_line(backend: Backend, server: Server, chunked: bool, size: int) -> None:
    """A line may be longer than any buffer."""
    if chunked and size > 65536:
        excuse(backend, "refuses_large_chunked_bodies")
    line = "x" * size + "\n"
    body = (line * 3).encode()
    pieces = [body[start : start + 50_000] for start in range(0, len(body), 50_000)]
    script = json.dumps([["readline"], ["readline"], ["readline", 5], ["read"]])
    response = server.ask(
        "script",
        "POST",
        headers=[("X-Script", script)],
        body=pieces if chunked else body,
        chunked=chunked,
    )
    assert json.loads(response.body) == [line, line, "xxxxx", line[5:]]


@pytest.mark.excused(lacks="framing", because="the host reads chunks to their end")
@pytest.mark.excused(fact="gathers_requests")
def test_read_before_the_rest_is_sent_chunked(server: Server) -> None:
    """The application reads a chunk while the next is not sent yet."""
    check_halves(server, chunked=True)


@pytest.mark.excused(fact="gathers_requests")
@pytest.mark.excused(fact="relays_errors")
def test_read_before_the_rest_is_sent(server: Server) -> None:
    """The application reads what has arrived while the rest is not sent yet."""
    check_halves(server, chunked=False)


def check_halves(server: Server, chunked: bool) -> None:
    """Sends the second half of a body when the application has read the first."""
    token = uuid.uuid4().hex

    def pieces() -> Iterator[bytes]:
        yield b"a" * 200_000
        server.log.wait_for(f"read 100000 {token}")
        yield b"b" * 200_000

    response = server.ask(
        "first_then_rest",
        "POST",
        "/?100000",
        headers=[("X-Token", token)],
        body=pieces(),
        chunked=chunked,
        length=None if chunked else 400_000,
    )
    assert response.text == "100000 300000"


@pytest.mark.parametrize(
    "half",
    [
        pytest.param(500, id="small"),
        pytest.param(
            100_000,
            id="large",
            marks=pytest.mark.excused(fact="wants_room_for_parameters"),
        ),
    ],
)
@pytest.mark.excused(fact="gathers_requests")
def test_slow_uploads_hold_up_nobody(server: Server, half: int) -> None:
    """Eight bodies that have arrived by half let other requests pass."""

    def pieces() -> Iterator[bytes]:
        yield b"a" * half
        assert server.ask("plain").text == "plain"
        yield b"b" * half

    token = ("X-Token", uuid.uuid4().hex)
    uploads = [
        server.begin(
            request_for(
                "first_then_rest", "POST", f"/?{half}", [token], pieces(), 2 * half
            )
        )
        for _ in range(8)
    ]
    for upload in uploads:
        assert upload.result(timeout=30).text == f"{half} {half}"


@pytest.mark.excused(fact="no_http_connection")
@pytest.mark.excused(lacks="persistent", because="the host carries the bytes")
@pytest.mark.excused(lacks="duplex", because="the body is read before the answer")
@pytest.mark.excused(fact="gathers_requests")
@pytest.mark.excused(fact="passes_the_body_on_first")
@pytest.mark.excused(fact="waits_between_pieces")
def test_read_while_sending(server: Server) -> None:
    """What is read can be sent back before the rest has come."""
    assert isinstance(server, SocketServer)
    with server.connect() as connection:

        def pieces() -> Iterator[bytes]:
            yield b"a" * HALF
            connection.receive_head()
            assert connection.receive_some()
            yield b"b" * HALF

        request = request_for(
            "read_while_sending", "POST", body=pieces(), length=2 * HALF
        )
        connection.send(request)
        end = b""
        while not end.endswith(b"0\r\n\r\n"):
            data = connection.receive_some()
            assert data
            end = (end + data)[-5:]


@pytest.mark.parametrize("case", ["unread", "partly_read"])
@pytest.mark.parametrize("size", [10, 70_000])
def test_body_left_unread(
    backend: Backend, server: Server, chunked: bool, case: str, size: int
) -> None:
    """A body left unread is never taken for the next request."""
    if chunked and size > 65536:
        excuse(backend, "refuses_large_chunked_bodies")
    body = (b"GET /evil HTTP/1.1\r\nHost: x\r\n\r\n" * 10_000)[:size]
    request = request_for(
        case, "POST", body=[body] if chunked else body, chunked=chunked
    )
    due = "unread" if case == "unread" else "GET"
    if not isinstance(server, SocketServer):
        assert server.request(request).text == due
        return
    with server.connect() as connection:
        response = connection.request(request)
        assert (response.status, response.text) == (200, due)
        if connection.closing:
            assert connection.at_end()
            return
        try:
            assert connection.request(request_for("plain")).text == "plain"
        except (ClosedError, BrokenPipeError):
            # Closing is right as well, but a small body is worth reading past.
            assert size > 65536


def test_large_body_left_unread(server: Server) -> None:
    """The answer arrives although the client is still sending."""
    response = server.ask("unread", "POST", body=b"x" * 3_000_000)
    assert (response.status, response.text) == (200, "unread")


@pytest.mark.excused(fact="no_http_connection")
@pytest.mark.excused(lacks="persistent", because="the host has read the body")
@pytest.mark.parametrize("size", [100, 200_000])
@pytest.mark.excused(fact="gathers_requests")
def test_client_stops_half_way(server: Server, chunked: bool, size: int) -> None:
    """A body that ends too early is an error, never a shorter body."""
    assert isinstance(server, SocketServer)
    token = uuid.uuid4().hex
    mark = server.log.mark()
    with server.connect() as connection:
        framing = "Transfer-Encoding: chunked" if chunked else "Content-Length: 900000"
        head = (
            "POST / HTTP/1.1\r\nHost: x\r\nX-Case: short\r\n"
            f"X-Token: {token}\r\n{framing}\r\n\r\n"
        )
        connection.send_raw(head.encode())
        piece = b"x" * size
        if chunked:
            piece = b"%x\r\n%s\r\n" % (size, piece)
        connection.send_raw(piece)
        # A front that has refused the body may have gone already.
        with contextlib.suppress(OSError):
            connection.half_close()
        with contextlib.suppress(ClosedError, ConnectionResetError):
            assert connection.receive("POST").status in (400, 500)
    assert server.ask("plain").text == "plain"
    assert not any(f"whole {size}" in line for line in server.log.since(mark))
