"""Restarting when a file changes."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .running import APP, PATIENCE, Answer, get, process_is_there

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Starter

WORDS = ("run", "app", "--bind", "127.0.0.1:0", "--reload")


def until(port: int, accepted: Callable[[Answer], bool]) -> Answer:
    """Asks until the answer is accepted: the port is open all the while."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        answer = get(port)
        if accepted(answer):
            return answer
        time.sleep(0.02)
    raise AssertionError(f"last answer: {answer}")


def children(process: int) -> list[int]:
    path = Path(f"/proc/{process}/task/{process}/children")
    return [int(number) for number in path.read_text().split()]


def test_edit_break_and_repair(project: Path, start: Starter) -> None:
    server = start(*WORDS)
    port = server.wait_for_port()
    assert get(port).body == b"hello"

    (project / "app.py").write_text(APP.replace("hello", "changed"))
    until(port, lambda answer: answer.body == b"changed")
    server.wait_for(r"^narthex: info: app\.py changed: restarting$")

    (project / "app.py").write_text("import os\n\ndef app(:\n")
    broken = until(port, lambda answer: answer.status == 500)
    assert b"N103" in broken.body
    assert f"{project}/app.py:3".encode() in broken.body
    assert broken.headers["content-type"] == "text/html; charset=utf-8"

    (project / "app.py").write_text(APP.replace("hello", "repaired"))
    until(port, lambda answer: answer.body == b"repaired")

    server.send(signal.SIGTERM)
    assert server.wait() == 0


def test_a_broken_start_is_repaired(project: Path, start: Starter) -> None:
    (project / "app.py").write_text("raise RuntimeError('<b>')\n")
    server = start(*WORDS)
    port = server.wait_for_port()
    answer = get(port)
    assert answer.status == 500
    assert b"RuntimeError: &lt;b&gt;" in answer.body
    (project / "app.py").write_text(APP)
    until(port, lambda answer: answer.body == b"hello")


def test_a_new_module_in_a_new_directory(project: Path, start: Starter) -> None:
    server = start(*WORDS)
    port = server.wait_for_port()
    (project / "shop").mkdir()
    (project / "shop" / "__init__.py").write_text("")
    (project / "app.py").write_text("from shop.web import app\n")
    until(port, lambda answer: answer.status == 500)
    (project / "shop" / "web.py").write_text(APP.replace("hello", "shop"))
    until(port, lambda answer: answer.body == b"shop")


def test_what_is_imported_from_elsewhere_is_watched(
    project: Path, start: Starter
) -> None:
    elsewhere = project / ".elsewhere"  # hidden: not watched for being below
    elsewhere.mkdir()
    (elsewhere / "helper_x.py").write_text("WORD = b'one'\n")
    (project / "app.py").write_text(
        "import helper_x\n" + APP.replace('b"hello"', "helper_x.WORD")
    )
    path = os.pathsep.join([str(elsewhere), os.environ.get("PYTHONPATH", "")])
    server = start(*WORDS, env={"PYTHONPATH": path})
    port = server.wait_for_port()
    until(port, lambda answer: answer.body == b"one")
    (elsewhere / "helper_x.py").write_text("WORD = b'other'\n")
    until(port, lambda answer: answer.body == b"other")


def test_hup_restarts(start: Starter) -> None:
    server = start(*WORDS)
    server.wait_for_port()
    before = children(server.process.pid)
    server.send(signal.SIGHUP)
    server.wait_for("SIGHUP: restarting")
    port = server.wait_for_port()
    assert get(port).body == b"hello"
    assert set(children(server.process.pid)).isdisjoint(before)


def test_control_c_reaches_both_and_is_polite(start: Starter) -> None:
    server = start(*WORDS)
    port = server.wait_for_port()
    (child,) = children(server.process.pid)
    assert get(port).body == b"hello"
    for process in (child, server.process.pid):  # as a terminal does
        os.kill(process, signal.SIGINT)
    assert server.wait() == 0
    assert not process_is_there(child)
    assert not [line for line in server.said if "stopping at once" in line]


def test_no_orphan_is_left(start: Starter) -> None:
    server = start(*WORDS)
    server.wait_for_port()
    (child,) = children(server.process.pid)
    server.send(signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while process_is_there(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not process_is_there(child)


def test_a_killed_child_is_replaced_at_the_next_change(
    project: Path, start: Starter
) -> None:
    server = start(*WORDS)
    port = server.wait_for_port()
    (child,) = children(server.process.pid)
    os.kill(child, signal.SIGKILL)
    server.wait_for("the application ended: .* SIGKILL; waiting for a change$")
    (project / "app.py").write_text(APP.replace("hello", "again"))
    assert get(port).body == b"again"
