"""PEP 3333: start_response, write, exc_info, the iterable and its close."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.backends import Backend
from support.client import ClosedError
from support.excuses import ASCII_ONLY, HALF
from support.messages import Request
from support.server import Server, request_for
from wsgi.sites import protocol

pytestmark = [pytest.mark.api("wsgi"), pytest.mark.smoke]


@pytest.fixture
def server(backend: Backend) -> Server:
    """The applications of the site."""
    return backend.serve(Path(protocol.__file__))


@pytest.fixture
def token() -> str:
    """A name for one request in the log."""
    return uuid.uuid4().hex


BODIES = {
    "written": b"one two three",
    "written_then_iterated": b"written then iterated",
    "written_with_length": b"0123456789",
    "late_start": b"late",
    "empty_piece_first": b"something",
    "started_by_iterator": b"from __iter__",
    "start_response_returns": b"write returned None",
    "empty_list": b"",
    "empty_generator": b"",
    "many_small": b"".join(b"%d\n" % number for number in range(5000)),
    "one_in_list": b"one piece",
    "several_in_list": b"several pieces in a list",
    "several_in_tuple": b"several pieces in a tuple",
    "sized_iterable": b"one of one",
    "sized_wrongly": b"more than one",
    "getitem_only": b"old protocol",
    "bytes_body": b"0123456789abcdef" * 65536,
    "exc_info_none": b"none",
    "headers_changed_later": b"unchanged",
    "with_length": b"twelve bytes",
}


_OF_MANY_RECORDS = pytest.param(
    "many_small", marks=pytest.mark.excused(fact="misreads_many_records")
)


@pytest.mark.parametrize(
    "case", [_OF_MANY_RECORDS if case == "many_small" else case for case in BODIES]
)
def test_body(server: Server, case: str) -> None:
    """However a body is made, all of it arrives, and the next request is right."""
    response, after = server.conversation(request_for(case), request_for("plain"))
    assert response.status == (201 if case == "late_start" else 200)
    assert response.complete
    assert response.header("content-type") == "text/plain"
    assert response.body == BODIES[case]
    assert after.text == "plain"


@pytest.mark.parametrize("case", BODIES)
def test_head(server: Server, case: str) -> None:
    """HEAD gives the same head without a body, and the next request is right."""
    response, after = server.conversation(
        request_for(case, "HEAD"), request_for("plain")
    )
    assert response.status == (201 if case == "late_start" else 200)
    assert response.header("content-type") == "text/plain"
    assert response.body == b""
    assert after.text == "plain"


def test_head_keeps_the_length(server: Server) -> None:
    """HEAD sends the Content-Length of the application."""
    assert server.ask("with_length", "HEAD").header("content-length") == "12"


@pytest.mark.parametrize("case", ["one_in_list", "empty_list", "bytes_body"])
def test_one_piece_has_a_length(server: Server, case: str) -> None:
    """A body of one piece gets a Content-Length."""
    response = server.ask(case)
    assert response.header("content-length") == str(len(BODIES[case]))


@pytest.mark.excused(fact="no_http_connection")
@pytest.mark.excused(lacks="persistent", because="the host carries the bytes")
@pytest.mark.excused(lacks="duplex", because="the body is read before the answer")
@pytest.mark.excused(fact="gathers_requests")
@pytest.mark.excused(fact="passes_the_body_on_first")
@pytest.mark.excused(fact="waits_between_pieces")
def test_write_is_not_held_back(server: Server) -> None:
    """What was written is sent before the application goes on."""
    from support.server import SocketServer

    assert isinstance(server, SocketServer)
    with server.connect() as connection:
        seen = b""

        def pieces() -> Iterator[bytes]:
            nonlocal seen
            yield b"a" * HALF
            connection.receive_head()
            while len(seen) < 5:
                seen += connection.receive_some()
            yield b"b" * HALF

        request = request_for("write_arrives", "POST", body=pieces(), length=2 * HALF)
        connection.send(request)
        assert seen.startswith(b"first")
        while len(seen) < 2 * HALF + 5:
            data = connection.receive_some()
            assert data
            seen += data
    assert seen == b"first" + b"a" * HALF + b"b" * HALF


@pytest.mark.excused(fact="own_reason_phrase")
def test_head_may_change_until_a_piece(server: Server) -> None:
    """An empty piece sends nothing, so exc_info may still replace the head."""
    response = server.ask("head_may_change_until_a_piece")
    assert (response.status, response.reason) == (503, "Later")
    assert response.header("x-second") == "yes"
    assert response.text == "replaced"


@pytest.mark.excused(fact="own_reason_phrase")
def test_exc_info_before_the_head(server: Server) -> None:
    """With exc_info a second head replaces the first."""
    response = server.ask("exc_info_before_head")
    assert (response.status, response.reason) == (500, "Oops")
    assert response.header("content-type") == "text/html"
    assert response.header("x-first") is None
    assert response.text == "error page"


@pytest.mark.excused(lacks="truncation")
@pytest.mark.excused(fact="may_hide_a_cut")
def test_exc_info_after_the_head(server: Server, token: str) -> None:
    """With exc_info after the head, the exception is raised again."""
    server.cut(request_for("exc_info_after_head", headers=[("X-Token", token)]))
    server.log.wait_for(f"raised again: same {token}")


def test_exc_info_with_the_first_head(server: Server) -> None:
    """A first head may come with exc_info."""
    response = server.ask("exc_info_first")
    assert (response.status, response.text) == (502, "first")


def test_start_response_twice(server: Server) -> None:
    """A second call without exc_info raises in the application."""
    assert server.ask("start_response_twice").text == "raised True"


CLOSED = {
    "closed": 200,
    "closed_with_length": 200,
    "closed_after_early_failure": 500,
    "closed_unstarted": 500,
    "closed_bodiless": 204,
    "closed_after_write": 200,
    "list_with_close": 200,
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("case", CLOSED)
def test_close(server: Server, token: str, case: str, method: str) -> None:
    """The iterable is closed, once, however the request ends."""
    response = server.ask(case, method, headers=[("X-Token", token)])
    assert response.status == CLOSED[case]
    assert response.complete
    server.log.wait_for(f"closed {token}")
    assert server.ask("plain").text == "plain"
    assert server.log.count(f"closed {token}") == 1


@pytest.mark.excused(fact="may_hide_a_cut")
def test_close_after_failure(server: Server, token: str) -> None:
    """The iterable is closed when it fails half-way."""
    with contextlib.suppress(ClosedError):
        server.ask("closed_after_failure", headers=[("X-Token", token)])
    server.log.wait_for(f"closed {token}")
    assert server.ask("plain").text == "plain"
    assert server.log.count(f"closed {token}") == 1


@pytest.mark.parametrize("case", ["endless", "generator_is_closed"])
@pytest.mark.excused(fact="ends_programs")
def test_close_after_disconnect(server: Server, token: str, case: str) -> None:
    """The iterable is closed when the client goes away."""
    request = request_for(case, headers=[("X-Token", token)])
    server.abandon(request, after=100_000)
    server.log.wait_for(f"closed {token}")
    assert server.ask("plain").text == "plain"
    assert server.log.count(f"closed {token}") == 1


@pytest.mark.excused(fact="ends_programs")
def test_write_after_disconnect(server: Server, token: str) -> None:
    """A write to a client that went away raises OSError."""
    mark = server.log.mark()
    request = request_for("endless_write", headers=[("X-Token", token)])
    server.abandon(request, after=100_000)
    server.log.wait_for(f"stopped {token}")
    assert any("write failed: True" in line for line in server.log.since(mark))
    assert server.ask("plain").text == "plain"


def test_close_that_fails(server: Server, token: str) -> None:
    """A failing close is logged and does not spoil a whole response."""
    mark = server.log.mark()
    response = server.ask("close_fails", headers=[("X-Token", token)])
    assert (response.status, response.text) == (200, "whole")
    server.log.wait_for("RuntimeError: close failed", mark)
    assert server.ask("plain").text == "plain"
    assert server.log.count(f"closed {token}") == 1


@pytest.mark.parametrize(
    "line",
    [
        "200 All right",
        "404 Nicht da",
        "418 I'm a teapot",
        pytest.param("299 Caf\xe9", marks=ASCII_ONLY),
        "599 X",
    ],
)
@pytest.mark.excused(fact="own_reason_phrase")
def test_reason_is_kept(server: Server, line: str) -> None:
    """The application's reason phrase reaches the client."""
    response = server.ask("reason", headers=[("X-Status", line)])
    assert f"{response.status} {response.reason}" == line
    assert response.text == "reason"


@ASCII_ONLY
@pytest.mark.excused(fact="drops_empty_response_fields")
def test_fields_both_ways(server: Server) -> None:
    """Latin-1 letters and repeated fields survive, in order."""
    response = server.ask("fields_back", headers=[("X-Latin", "\xe9\xff")])
    assert response.body == b"\xe9\xff"
    assert response.header("x-latin") == "caf\xe9 \xff"
    assert response.all("set-cookie") == ["a=1", "b=2; Path=/"]
    assert response.header("x-between") == ""


@pytest.mark.parametrize("status", [204, 304])
def test_no_body_where_none_belongs(server: Server, status: int) -> None:
    """204 and 304 send no body, and the next request is right."""
    target = f"/?{status}_Nothing"
    response, after = server.conversation(
        request_for("status", target=target), request_for("plain")
    )
    assert (response.status, response.body) == (status, b"")
    assert response.header("transfer-encoding") is None
    assert after.text == "plain"


@pytest.mark.parametrize("status", [200, 201, 205, 301, 400, 401, 404, 416, 503])
@pytest.mark.excused(fact="own_reason_phrase")
def test_other_statuses_have_a_body(server: Server, status: int) -> None:
    """Every other status keeps its body; 205 is the application's affair."""
    response = server.ask("status", target=f"/?{status}_Something")
    assert (response.status, response.reason) == (status, "Something")
    assert response.text == "body"


@pytest.mark.excused(fact="misreads_many_records")
@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
def test_old_protocol(server: Server, version: str) -> None:
    """A client of HTTP/1.0 gets a body without chunks."""
    headers = (("X-Case", "many_small"),)
    response = server.request(Request(headers=headers, version=version))
    assert response.body == BODIES["many_small"]
    if version == "HTTP/1.0":
        assert response.header("transfer-encoding") is None
