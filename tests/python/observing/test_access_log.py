"""The access log: its formats, and that no line is lost."""

from __future__ import annotations

import json
import re
import resource
import shutil
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from command.running import get, run

from .raw import PATIENCE, free_port, request, send, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from command.conftest import Starter

BIND = ("--bind", "127.0.0.1:0")
APACHE_FIELDS = [
    "%m",
    "%q",
    "%H",
    "%r",
    "%l",
    "%u",
    "%a",
    "%{User-Agent}i",
    "%{Referer}i",
    "%{X-One}i",
    "%{X-None}i",
    "%{session}C",
    "%{none}C",
    "%{Cookie}i",
    "%{X-One}n",
    "%X",
    "%k",
    "%{%Y}t",
    "%%",
    "%!404{X-One}i",
    "%404{X-One}i",
    "%V",
    "%U",
]
APACHE = """\
ServerRoot {directory}
ServerName example.com
Listen 127.0.0.1:{port}
PidFile {directory}/pid
ErrorLog {directory}/error.log
DocumentRoot {directory}
KeepAlive On
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LogFormat "{format}" ours
CustomLog {directory}/access.log ours
"""
MODULES = "/usr/lib/apache2/modules"
ASKED = [
    request(b"/missing"),
    request(b"/missing?a=1&b=%22%0a", b"User-Agent: curl/8 (x; y)"),
    request(b"/mis%73ing", b"X-One: a", b"X-One: b"),
    request(b"/missing", b'User-Agent: quo"te back\\slash', b"Referer: http://x/"),
    request(b"/missing", b"User-Agent: caf\xe9 \xff", b"X-One: tab\there"),
    request(b"/missing", b"Cookie: a=1; session=xyz; b=2", b"X-One:"),
    request(b"/missing", method=b"HEAD"),
    b"GET /missing HTTP/1.0\r\nHost: example.com\r\n\r\n",
]


@pytest.fixture
def apache(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A real Apache httpd that logs the same fields; its port and its log."""
    program = shutil.which("apache2", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    assert program is not None, "this test needs apache2-bin"
    directory = tmp_path / "apache"
    directory.mkdir()
    format_text = "|".join(APACHE_FIELDS).replace('"', '\\"')
    port = free_port()
    text = APACHE.format(
        directory=directory, port=port, modules=MODULES, format=format_text
    )
    (directory / "httpd.conf").write_text(text)
    words = [program, "-f", str(directory / "httpd.conf"), "-DFOREGROUND"]
    process = subprocess.Popen(words, env={"PATH": "/usr/bin", "TZ": "UTC"})
    log = directory / "error.log"
    wait_until(lambda: log.exists() and "resuming normal operations" in log.read_text())
    yield port, directory / "access.log"
    process.terminate()
    process.wait(PATIENCE)


def test_fields_are_those_that_apache_writes(
    start: Starter, project: Path, apache: tuple[int, Path]
) -> None:
    log = project / "access.log"
    words = ("--access-log", str(log), "--access-log-format", "|".join(APACHE_FIELDS))
    server = start("serve", "app", *BIND, *words)
    port = server.wait_for_port()
    apache_port, apache_log = apache
    for bytes_sent in ASKED:
        assert b" 404 " in send(port, bytes_sent).partition(b"\r\n")[0]
        assert b" 404 " in send(apache_port, bytes_sent).partition(b"\r\n")[0]
    wait_until(lambda: len(apache_log.read_bytes().splitlines()) == len(ASKED))
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    # A line is written when its response is out: connections may change places.
    ours, theirs = (
        sorted(file.read_bytes().splitlines()) for file in (log, apache_log)
    )
    assert len(ours) == len(theirs) == len(ASKED)
    for our_line, their_line in zip(ours, theirs, strict=True):
        our_fields, their_fields = our_line.split(b"|"), their_line.split(b"|")
        assert dict(zip(APACHE_FIELDS, our_fields, strict=True)) == dict(
            zip(APACHE_FIELDS, their_fields, strict=True)
        )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("%h %d", "%d is no directive: write %D"),
        ("combind", 'no format is called "combind": write combined'),
        ("%{User-Agent}", "write %{User-Agent}i for a field of the request"),
    ],
)
def test_a_wrong_format_is_an_error_at_start(
    project: Path, text: str, said: str
) -> None:
    ended = run("serve", "app", *BIND, "--access-log-format", text, cwd=project)
    assert ended.returncode == 2
    assert said in ended.stderr.decode()
    assert b"listening" not in ended.stderr


def test_json_is_json_whatever_is_sent(start: Starter, project: Path) -> None:
    log = project / "access.log"
    words = ("--access-log", str(log), "--access-log-format", "json")
    server = start("serve", "app", *BIND, *words)
    port = server.wait_for_port()
    values = [bytes([byte]) for byte in range(256) if byte not in b"\r\n\0"]
    values += [b'","status":500,"x":"', b"\xc3\xa9\xff", "é€😀".encode(), b"\\u0041"]
    for value in values:
        send(port, request(b"/x?" + b"%22", b"User-Agent: a" + value + b"z"))
    send(port, b"GET / HTTP/1.1\r\nUser-Agent: a\x1b[2J\r\n\r\n")
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    text = log.read_bytes()
    assert text.isascii()
    records = [json.loads(line) for line in text.splitlines()]
    assert len(records) == len(values) + 1
    taken = {r["user_agent"]: r for r in records if r["status"] == 200}
    for value in (b"\t", b'"', b"\\", b"\xff", b'","status":500,"x":"', b"\\u0041"):
        assert f"a{value.decode('latin-1')}z" in taken
    record = taken["aé€😀z"]
    assert (record["method"], record["target"]) == ("GET", "/x?%22")
    assert (record["protocol"], record["client"]) == ("HTTP/1.1", "127.0.0.1")
    assert record["complete"] is True
    assert record["bytes"] > 0
    assert record["duration_us"] > 0
    assert re.fullmatch(r"[0-9a-f]{32}", record["request_id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", record["time"])
    assert len({record["request_id"] for record in records if record["method"]}) == len(
        [record for record in records if record["method"]]
    )


def test_fields_of_the_response_are_logged(start: Starter, project: Path) -> None:
    log = project / "access.log"
    form = "%U %{X-Out}o %{content-type}o %B"
    server = start(
        *("serve", "app", *BIND, "--access-log", str(log)),
        *("--access-log-format", form, "--access-log-buffer", "0"),
    )
    port = server.wait_for_port()
    size = len(get(port, "/").body)
    streamed = len(get(port, "/stream").body)
    wait_until(lambda: len(log.read_text().splitlines()) == 2)
    assert sorted(log.read_text().splitlines()) == [
        f"/ out text/plain {size}",
        f"/stream - text/plain {streamed}",
    ]


def test_no_line_is_lost_when_the_log_is_reopened_under_load(
    start: Starter, project: Path
) -> None:
    log = project / "access.log"
    words = ("--access-log", str(log), "--access-log-format", "%U")
    server = start("serve", "app", *BIND, *words)
    port = server.wait_for_port()
    asked: list[str] = []

    def ask(thread: int) -> None:
        for number in range(150):
            asked.append(f"/{thread}/{number}")
            assert get(port, asked_now := f"/{thread}/{number}").status == 200, (
                asked_now
            )

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    rounds = 0
    while any(thread.is_alive() for thread in threads):
        log.rename(project / f"access.log.{rounds}")
        rounds += 1
        server.send(signal.SIGUSR1)
        server.wait_for("SIGUSR1: logs reopened")
    for thread in threads:
        thread.join()
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    assert rounds > 1
    lines: list[str] = []
    for file in project.glob("access.log*"):
        lines += file.read_text().splitlines()
    assert sorted(lines) == sorted(asked)


def test_lines_come_within_a_moment_and_survive_a_kill(
    start: Starter, project: Path
) -> None:
    log = project / "access.log"
    words = ("--access-log", str(log), "--access-log-format", "%U")
    server = start("serve", "app", *BIND, *words)
    port = server.wait_for_port()
    for number in range(20):
        get(port, f"/{number}")
    wait_until(lambda: len(log.read_text().splitlines()) == 20)
    server.send(signal.SIGKILL)
    server.process.wait(PATIENCE)
    # Connections take turns as they like once their responses are out.
    lines = log.read_text().splitlines()
    assert sorted(lines) == sorted(f"/{number}" for number in range(20))


def test_without_a_buffer_each_line_is_there_before_its_response(
    start: Starter, project: Path
) -> None:
    log = project / "access.log"
    words = ("--access-log", str(log), "--access-log-format", "%U")
    server = start("serve", "app", *BIND, *words, "--access-log-buffer", "0")
    port = server.wait_for_port()
    get(port, "/unknown/route")  # a path not seen before is answered aside
    for number in range(20):
        get(port, "/again")
        lines = log.read_text().splitlines()
        assert lines.count("/again") >= number


def test_what_a_full_disk_takes_is_counted(start: Starter, project: Path) -> None:
    log = project / "access.log"
    words = ("--access-log", str(log), "--access-log-format", "line %U end")
    server = start("serve", "app", *BIND, *words, "--access-log-buffer", "0")
    port = server.wait_for_port()
    get(port, "/first")
    limits = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (500, limits[1]))
    for number in range(60):
        assert get(port, f"/{number:04}").status == 200
    server.wait_for("narthex: error: access log cannot be written: File too large")
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limits)
    get(port, "/last")
    lost = int(server.wait_for(r"can be written again; (\d+) lines are lost")[1])
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    lines = log.read_text().splitlines()
    whole = [line for line in lines if re.fullmatch(r"line /\w+ end", line)]
    assert "line /last end" in whole
    assert len(whole) + lost == 62
    assert len(lines) - len(whole) <= 1  # the one that was torn
    assert len([line for line in server.said if "cannot be written" in line]) == 1
