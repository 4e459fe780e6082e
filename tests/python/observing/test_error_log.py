"""The error log: its file, its formats, and the journal."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from typing import TYPE_CHECKING

from command.running import PATIENCE, arguments, environment, get, run

if TYPE_CHECKING:
    from pathlib import Path

    from command.conftest import Starter

BIND = ("--bind", "127.0.0.1:0")


def test_a_file_takes_the_errors_and_is_reopened(start: Starter, project: Path) -> None:
    log = project / "error.log"
    server = start("serve", "app", *BIND, "--error-log", str(log))
    port = server.wait_for_port()  # said on standard error as well
    assert get(port, "/fail").status == 500
    log.rename(project / "error.log.1")
    server.send(signal.SIGUSR1)
    server.process.send_signal(0)
    while not log.exists():
        assert server.process.poll() is None
    assert get(port, "/fail").status == 500
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    for file in (project / "error.log.1", log):
        text = file.read_text()
        assert text.count("narthex: error: application failed (GET /fail)") == 1
        assert "\n  RuntimeError: on purpose\n" in text
    assert not any("application failed" in line for line in server.said)


def test_an_error_log_that_cannot_be_opened(project: Path) -> None:
    ended = run("serve", "app", *BIND, "--error-log", "/no/such/log", cwd=project)
    assert ended.returncode == 1
    assert b"error N250: the error log /no/such/log cannot be opened" in ended.stderr


def test_json_has_a_traceback_in_one_string(start: Starter) -> None:
    server = start("serve", "app", *BIND, "--log-format", "json")
    port = int(server.wait_for(r'listening on http://127\.0\.0\.1:(\d+)"')[1])
    assert get(port, "/fail").status == 500
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    ours = [line for line in server.said if not line.startswith("logged ")]
    records = [json.loads(line) for line in ours]
    failed = [r for r in records if r["message"] == "application failed (GET /fail)"]
    assert len(failed) == 1
    assert failed[0]["level"] == "error"
    assert re.fullmatch(r"[0-9a-f]{32}", failed[0]["request_id"])
    assert failed[0]["traceback"].startswith("Traceback (most recent call last):\n")
    assert failed[0]["traceback"].endswith("\nRuntimeError: on purpose")
    assert records[0]["message"].startswith("listening on http://")


def test_lines_for_the_journal_have_priorities(project: Path) -> None:
    (project / "app.py").write_text("raise RuntimeError\n")
    with (project / "stderr").open("wb") as stderr:
        found = os.fstat(stderr.fileno())
        for device, expected in ((found.st_dev, True), (found.st_dev + 1, False)):
            stderr.truncate(0)
            stream = f"{device}:{found.st_ino}"
            process = subprocess.Popen(
                arguments("serve", "app", *BIND, "--reload"),
                cwd=project,
                env=environment({"JOURNAL_STREAM": stream}),
                stderr=stderr,
            )
            path = project / "stderr"
            while b"listening on" not in path.read_bytes():
                assert process.poll() is None
            process.terminate()
            process.wait(PATIENCE)
            said = path.read_bytes().replace(b"\0", b"").splitlines()
            line = next(line for line in said if b"listening on" in line)
            assert line.startswith(b"<5>narthex: " if expected else b"narthex: ")
