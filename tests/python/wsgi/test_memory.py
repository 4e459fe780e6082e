"""What a server remembers of a connection never shows."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path

import pytest

from support.backends import Backend
from support.client import DEADLINE
from support.messages import Request
from support.server import Server, SocketServer, request_for
from wsgi.sites import memory

pytestmark = pytest.mark.api("wsgi")

FIELDS = (
    ("User-Agent", "one/1.0"),
    ("Accept", "text/html,*/*;q=0.8"),
    ("Cookie", "session=0123456789abcdef"),
    ("X-Unheard-Of", "a"),
)


@pytest.fixture
def server(backend: Backend) -> Server:
    """The applications of the site."""
    return backend.serve(Path(memory.__file__))


def asking(
    case: str = "dump", fields: tuple[tuple[str, str], ...] = FIELDS, target: str = "/a"
) -> Request:
    """A request for `case` with more fields."""
    return Request(target=target, headers=(("X-Case", case), *fields))


def changed(index: int, value: str) -> tuple[tuple[str, str], ...]:
    """The fields with another value at `index`."""
    fields = list(FIELDS)
    fields[index] = (fields[index][0], value)
    return tuple(fields)


VARIANTS = {
    "same": asking(),
    "target": asking(target="/b"),
    "encoded": asking(target="/%61"),
    "dots": asking(target="/x/../a"),
    "query": asking(target="/a?b"),
    "no query": asking(target="/a?"),
    "byte": asking(fields=changed(2, "session=0123456789abcdeF")),
    "shorter": asking(fields=changed(0, "one/1.")),
    "empty": asking(fields=changed(1, "")),
    "unheard of": asking(fields=changed(3, "b")),
    "name": asking(fields=(*FIELDS[:3], ("X-Unheard-Og", "a"))),
    "less": asking(fields=FIELDS[:3]),
    "more": asking(fields=(*FIELDS, ("X-More", "a"))),
    "order": asking(fields=FIELDS[::-1]),
    "repeated": asking(fields=(*FIELDS, ("Cookie", "more=1"))),
    "proxy": asking(fields=(*FIELDS, ("Proxy", "http://evil.example"))),
    "large": asking(fields=changed(2, "x" * 5000)),
    "method": Request("DELETE", "/a", (("X-Case", "dump"), *FIELDS)),
    "body": Request("POST", "/a", (("X-Case", "dump"), *FIELDS), b"body"),
}


def test_only_the_request_itself_counts(server: Server) -> None:
    """Whatever came before on its connection, a request has the environ of its own."""
    alone = {name: seen(server.request(VARIANTS[name]).body) for name in VARIANTS}
    names = list(VARIANTS)
    for name in VARIANTS:
        names += ["same", "same", name, "same", name]
    answers = server.conversation(*(VARIANTS[name] for name in names))
    for name, answer in zip(names, answers, strict=True):
        assert seen(answer.body) == alone[name], name


def seen(body: bytes) -> dict[str, str]:
    """The variables of a dump, without what a connection has of its own."""
    variables: dict[str, str] = json.loads(body)
    variables.pop("REMOTE_PORT", None)
    return variables


def test_what_an_application_does_to_its_environ_is_lost(server: Server) -> None:
    """Each request has a dict of its own, and nobody else holds it."""
    spoil = asking("spoil")
    answers = server.conversation(*[spoil] * 4)
    assert [answer.text for answer in answers] == ["unspoilt, mine"] * 4


@pytest.mark.excused(fact="no_http_connection")
@pytest.mark.excused(lacks="persistent", because="the host carries the bytes")
def test_what_is_written_is_not_kept(server: Server) -> None:
    """A path never called before waits for its client with each `write`."""
    assert isinstance(server, SocketServer)
    for path in ("/never-seen", f"/never-seen/{uuid.uuid4().hex}"):
        with server.connect() as connection:
            connection.send(asking("written", target=path))
            assert connection.receive_head()[0] == 200
            received, last = 0, b""
            while received < 800 * (1 << 16) + 10:
                piece = connection.receive_some()
                assert piece, received
                if received < 1 << 21:
                    time.sleep(0.002)  # behind what the kernel takes
                received += len(piece)
                last = (last + piece)[-10:]
        assert int(last) < 8 * 1024


@pytest.mark.excused(fact="no_http_connection")
@pytest.mark.excused(lacks="persistent", because="the process ends with the request")
def test_memory_is_bounded_and_ends_with_its_connection(server: Server) -> None:
    """Values that never come again are not kept, and nothing of a closed connection."""
    assert isinstance(server, SocketServer)
    with server.connect() as connection:
        connection.request(asking("count"))
        for number in range(10_000):
            fields = (*FIELDS, ("X-Mark", f"{number:04}" * 20))
            connection.request(asking("plain", fields, f"/{number}"))
        kept, blocks = map(int, connection.request(asking("count")).text.split())
        assert kept <= 2
        assert blocks < 1000
    marked = asking("plain", (*FIELDS, ("X-Mark", "1")))
    for _ in range(20):
        with server.connect() as connection:
            connection.request(marked)
            connection.request(marked)
    deadline = time.monotonic() + DEADLINE
    while int(server.request(request_for("count")).text.split()[0]) > 0:
        assert time.monotonic() < deadline
