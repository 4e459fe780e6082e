"""Hostile applications: nothing injected, nothing hidden, and the server lives."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from support.backends import Backend
from support.fronts.servers import Behind
from support.messages import Response
from support.server import Server, request_for
from wsgi.sites import hostile

pytestmark = pytest.mark.api("wsgi")


@pytest.fixture
def server(backend: Backend) -> Server:
    """The applications of the site."""
    return backend.serve(Path(hostile.__file__))


def check_alive(server: Server) -> None:
    """A plain request is answered, by the same process where it stays."""
    assert server.ask("plain").text == "plain"
    if server.pid is not None:
        assert int(server.ask("process").text) == server.pid


def check_cut(server: Server, case: str, sent: bytes) -> None:
    """The client sees that the response was cut after, or within, what was sent."""
    response = server.cut(request_for(case))
    if response is not None:
        assert response.status == 200
        assert sent.startswith(response.body)
        assert response.body == sent or isinstance(server, Behind)
    check_alive(server)


def check_refused(server: Server, response: Response) -> None:
    """The client learns that the application failed, and nothing else."""
    assert response.status == 500
    assert response.complete
    names = {name for name, _ in response.headers}
    assert not names & {"x-injected", "x-a", "x a", "upgrade", "keep-alive"}
    assert b"X-Injected" not in response.body
    assert b"Traceback" not in response.body
    check_alive(server)


@pytest.mark.parametrize("case", hostile.HEADS)
def test_head_that_cannot_be_sent(server: Server, case: str) -> None:
    """A head that breaks a rule is a 500, and the log says so."""
    mark = server.log.mark()
    response, after = server.conversation(request_for(case), request_for("plain"))
    assert after.text == "plain"
    check_refused(server, response)
    server.log.wait_for("error", mark)


@pytest.mark.parametrize("case", hostile.BODIES)
def test_body_that_cannot_be_sent(server: Server, case: str) -> None:
    """A body that is not made of bytes is a 500 when nothing was sent yet."""
    check_refused(server, server.ask(case))


@pytest.mark.parametrize(
    "case",
    [
        "never_started",
        "never_started_empty",
        "started_twice",
        "write_text",
        "recursion",
        "deep_recursion",
    ],
)
def test_misuse(server: Server, case: str) -> None:
    """Misuse of the protocol is a 500."""
    check_refused(server, server.ask(case))


@pytest.mark.parametrize("place", ["called", "started", "iter", "first"])
@pytest.mark.parametrize("name", hostile.RAISED)
def test_raised_before_the_head(server: Server, name: str, place: str) -> None:
    """Whatever is raised before a piece is a 500, SystemExit and all."""
    if name == "stop_iteration" and place == "first":
        # A StopIteration there is the end of a body.
        response = server.ask(f"{name}_{place}")
        assert (response.status, response.body) == (200, b"")
        return
    check_refused(server, server.ask(f"{name}_{place}"))


@pytest.mark.excused(lacks="truncation")
@pytest.mark.parametrize("name", sorted(set(hostile.RAISED) - {"stop_iteration"}))
@pytest.mark.excused(fact="may_hide_a_cut")
def test_raised_after_the_head(server: Server, name: str) -> None:
    """Whatever is raised after a piece cuts the response, visibly."""
    check_cut(server, f"{name}_second", b"piece")


@pytest.mark.parametrize("name", hostile.RAISED)
def test_raised_by_close(server: Server, name: str) -> None:
    """Whatever close raises, the body was whole, and the server lives."""
    response = server.ask(f"{name}_close")
    assert response.status == 200
    assert response.body == b"piece" * 3
    check_alive(server)


@pytest.mark.excused(lacks="truncation")
@pytest.mark.parametrize(
    "case", ["fails_mid_body", "fails_after_write", "text_mid_body"]
)
@pytest.mark.excused(fact="may_hide_a_cut")
def test_failure_in_a_body(server: Server, case: str) -> None:
    """A body that fails is not ended as if it were whole."""
    check_cut(server, case, b"12345")


@pytest.mark.parametrize(
    "case",
    [
        "fails_mid_length",
        "shorter",
        "shorter_yielded",
        "shorter_written",
        "shorter_empty",
    ],
)
@pytest.mark.excused(fact="waits_for_a_short_response")
def test_body_shorter_than_its_length(server: Server, case: str) -> None:
    """A body that is too short ends at once, and is seen to be cut."""
    started = time.monotonic()
    try:
        response = server.cut(request_for(case))
    except AssertionError:
        # Nothing was sent yet: the failure could still be told.
        check_refused(server, server.ask(case))
        response = None
    assert time.monotonic() - started < 5
    if response is not None:
        assert response.status == 200
        assert response.body in (b"12345", b"")
    check_alive(server)


@pytest.mark.parametrize(
    ("case", "body"),
    [
        ("longer", b"12345"),
        ("longer_yielded", b"12345"),
        ("longer_written", b"12345"),
        ("longer_than_none", b""),
    ],
)
def test_body_longer_than_its_length(server: Server, case: str, body: bytes) -> None:
    """A body that is too long is cut, and the next response is the right one."""
    mark = server.log.mark()
    response, after = server.conversation(request_for(case), request_for("plain"))
    assert (response.status, response.body) == (200, body)
    assert after.text == "plain"
    server.log.wait_for("(?i)content-length", mark)


@pytest.mark.parametrize("case", ["body_with_204", "body_with_304", "write_with_304"])
def test_body_where_none_belongs(server: Server, case: str) -> None:
    """A body with 204 or 304 is dropped, and the next response is the right one."""
    response, after = server.conversation(request_for(case), request_for("plain"))
    assert (response.status, response.body) == (int(case[-3:]), b"")
    assert after.text == "plain"
