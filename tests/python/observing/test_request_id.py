"""The name of a request, wherever it is shown."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import pytest

from command.running import get

if TYPE_CHECKING:
    from pathlib import Path

    from command.conftest import Starter

BIND = ("--bind", "127.0.0.1:0")
MADE = r"[0-9a-f]{32}"
FIELD = ("--request-id-header", "X-Request-ID")


def test_the_name_is_the_same_everywhere(start: Starter, project: Path) -> None:
    log = project / "access.log"
    words = ("--access-log", str(log), "--access-log-format", "%U %L", *FIELD)
    server = start("serve", "app", *BIND, *words)
    port = server.wait_for_port()
    server_said = server.said
    logged, streamed, failed = (
        get(port, "/log"),
        get(port, "/stream"),
        get(port, "/fail"),
    )
    again = get(port, "/log")
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    names = [answer.headers["x-request-id"] for answer in (logged, streamed, failed)]
    assert all(re.fullmatch(MADE, name) for name in names)
    assert len({*names, again.headers["x-request-id"]}) == 4
    assert logged.body.decode().split() == [names[0], names[0]]
    assert streamed.body.decode().split() == [names[1]] * 3
    assert f"logged {names[0]} inside" in server_said
    for number in range(3):
        assert f"logged {names[1]} piece {number}" in server_said
    assert "logged - outside" in server_said
    failure = f"narthex: error: application failed (GET /fail) [{names[2]}]"
    assert failure in server_said
    lines = sorted(log.read_text().splitlines())
    expected = zip(("/log", "/stream", "/fail"), names, strict=True)
    last = f"/log {again.headers['x-request-id']}"
    assert lines == sorted([*(f"{path} {name}" for path, name in expected), last])


def test_without_a_field_the_environ_has_no_name(start: Starter) -> None:
    server = start("serve", "app", *BIND)
    answer = get(server.wait_for_port(), "/")
    assert "x-request-id" not in answer.headers
    assert re.fullmatch(rf"- {MADE}", answer.body.decode())


@pytest.mark.parametrize("trusted", [True, False])
def test_a_name_is_taken_from_whom_one_trusts(start: Starter, trusted: bool) -> None:
    trust = ("--trust-proxy", "127.0.0.1") if trusted else ()
    server = start("serve", "app", *BIND, *trust, *FIELD)
    port = server.wait_for_port()
    sane = "0af7651916cd43dd8448.eb_211-C"
    answer = get(port, "/log", {"X-Request-ID": sane})
    assert (answer.headers["x-request-id"] == sane) is trusted
    assert answer.body.decode().split() == [answer.headers["x-request-id"]] * 2
    for odd in ("a b", "a/b", "<x>", "x" * 129, 'a"'):
        answer = get(port, "/", {"X-Request-ID": odd})
        assert re.fullmatch(MADE, answer.headers["x-request-id"])
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    assert (f"logged {sane} inside" in server.said) is trusted


def test_the_application_may_name_the_request_itself(
    start: Starter, project: Path
) -> None:
    (project / "own.py").write_text(
        "def app(t):\n"
        "    if t.path == '/own':\n"
        "        t.response.headers['X-Request-ID'] = 'own'\n"
        "    return t.id\n"
    )
    server = start("serve", "own", "--api", "transaction", *BIND, *FIELD)
    port = server.wait_for_port()
    assert get(port, "/own").headers["x-request-id"] == "own"
    answer = get(port, "/")
    assert re.fullmatch(MADE, answer.body.decode())
    assert answer.headers["x-request-id"] == answer.body.decode()


def test_refusals_that_have_a_head_are_named(start: Starter) -> None:
    server = start("serve", "app", *BIND, *FIELD, "--limit-body", "10")
    port = server.wait_for_port()
    answer = get(port, "/", {"Content-Length": "11"})
    assert answer.status == 413
    name = answer.headers["x-request-id"]
    server.wait_for(rf"narthex: info: .* \[{re.escape(name)}\]$")
