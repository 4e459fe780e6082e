"""One local CGI request through a real child process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .running import run

if TYPE_CHECKING:
    from pathlib import Path

ECHO = """\
import os, sys
def app(environ, start_response):
    print("to the log", file=sys.stderr)
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length)
    names = ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "HTTP_X_A",
             "CONTENT_TYPE", "REMOTE_USER", "HTTPS", "EXTRA", "GATEWAY_INTERFACE")
    lines = [f"{name}={environ.get(name)}" for name in names]
    lines.append(f"LEFT={os.environ.get('LEFT_OVER')}")
    start_response("201 Made", [("Content-Type", "text/plain"), ("X-B", "1")])
    return ["\\n".join(lines).encode() + b"\\n", body]
"""


def test_a_form(project: Path) -> None:
    (project / "app.py").write_text(ECHO)
    (project / "data").write_bytes(b"a=\x00\xff")
    ended = run(
        *("cgi", "app", "--request", "POST /form?x=1", "--header", "X-A: v"),
        *("--data", "@data", "--mount", "/m", "--env", "EXTRA=e=f"),
        *("--https", "--user", "ann"),
        cwd=project,
        env={"LEFT_OVER": "1"},
    )
    assert ended.returncode == 0
    head, _, body = ended.stdout.partition(b"\n\n")
    assert head.splitlines()[0] == b"201 Made"
    assert b"x-b: 1" in head.lower()
    assert body.splitlines()[:11] == [
        b"REQUEST_METHOD=POST",
        b"SCRIPT_NAME=/m",
        b"PATH_INFO=/form",
        b"QUERY_STRING=x=1",
        b"HTTP_X_A=v",
        b"CONTENT_TYPE=application/x-www-form-urlencoded",
        b"REMOTE_USER=ann",
        b"HTTPS=on",
        b"EXTRA=e=f",
        b"GATEWAY_INTERFACE=CGI/1.1",
        b"LEFT=None",
    ]
    assert body.endswith(b"\na=\x00\xff")
    assert b"to the log" in ended.stderr


def test_raw(project: Path) -> None:
    ended = run("cgi", "app", "--request", "GET /", "--raw", cwd=project)
    assert ended.returncode == 0
    assert ended.stdout.startswith(b"Status: 200 OK")
    assert ended.stdout.replace(b"\r\n", b"\n").endswith(b"\n\nhello")


def test_a_failed_application(project: Path) -> None:
    (project / "app.py").write_text("def app(e, s):\n    raise ValueError('here')\n")
    ended = run("cgi", "app", "--request", "/", cwd=project)
    assert ended.returncode == 1
    assert ended.stdout.startswith(b"500 ")
    assert b"ValueError: here" in ended.stderr


def test_a_process_that_ends_without_a_response(project: Path) -> None:
    (project / "app.py").write_text("import os\ndef app(e, s):\n    os._exit(3)\n")
    ended = run("cgi", "app", "--request", "GET /", cwd=project)
    assert ended.returncode == 1
    assert b"error N302: the program's output is no CGI response" in ended.stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--request", "GET / HTTP/1.1"], "is no request"),
        (["--request", "GET /a b"], "is no request"),
        (["--request", "GET /", "--header", "nocolon"], "nocolon is no field"),
        (["--request", "GET /", "--env", "=x"], "is no variable"),
        (["--request", "GET /", "--data", "@/no/such"], "cannot be read"),
    ],
)
def test_what_cannot_be_played(project: Path, words: list[str], expected: str) -> None:
    ended = run("cgi", "app", *words, cwd=project)
    assert ended.returncode == 1
    assert ended.stderr.startswith(b"narthex: error N301:")
    assert expected in ended.stderr.decode()


def test_without_a_request_it_says_what_to_do(project: Path) -> None:
    ended = run("cgi", "app", cwd=project)
    assert ended.returncode == 1
    assert b"--request" in ended.stderr
