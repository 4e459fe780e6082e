"""What programs see of a request, and what clients get of their output.

Most cases are those of Go's `net/http/cgi`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from command.running import PATIENCE, Server
from support.client import Connection
from support.messages import Request, Response

from . import programs
from .programs import Site

if TYPE_CHECKING:
    from pathlib import Path


def test_a_request_becomes_variables(site: Site) -> None:
    seen = site.seen("/cgi-bin/seen.py?a=b&c=%41", ("X-A", "1"))
    environ = seen.environ
    expected = {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "HTTP_X_A": "1",
        "HTTP_HOST": f"127.0.0.1:{site.port}",
        "PATH_INFO": "",
        "QUERY_STRING": "a=b&c=%41",
        "REMOTE_ADDR": "127.0.0.1",
        "REQUEST_METHOD": "GET",
        "REQUEST_URI": "/cgi-bin/seen.py?a=b&c=%41",
        "SCRIPT_NAME": "/cgi-bin/seen.py",
        "SCRIPT_FILENAME": str(site.folder / "cgi-bin/seen.py"),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": str(site.port),
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    assert {name: environ.get(name) for name in expected} == expected
    assert environ["SERVER_SOFTWARE"].startswith("narthex/")
    for absent in ("CONTENT_LENGTH", "CONTENT_TYPE", "PATH_TRANSLATED", "REMOTE_USER"):
        assert absent not in environ
    assert seen.body == ""


def test_an_ipv6_client(folder: Path) -> None:
    server = Server(*("serve", "--cgi-bin", "cgi-bin", "--bind", "[::1]:0"), cwd=folder)
    try:
        port = int(server.wait_for(r"listening on http://\[::1\]:(\d+)$")[1])
        with Connection(("::1", port)) as connection:
            request = Request("GET", "/cgi-bin/seen.py", (("Host", f"[::1]:{port}"),))
            body = connection.request(request).body
        environ = json.loads(body)["environ"]
        assert environ["REMOTE_ADDR"] == environ["REMOTE_HOST"] == "::1"
        assert environ["SERVER_NAME"] == "[::1]"
    finally:
        server.close()


@pytest.mark.parametrize(
    ("rest", "info"),
    [
        ("", ""),
        ("/", "/"),
        ("/a/b", "/a/b"),
        ("/a%2Fb//c", "/a/b//c"),
        ("/%2525", "/%25"),
        ("/a/../b", "/b"),
        ("/caf%C3%A9%FF", "/caf\u00c3\u00a9\u00ff"),
        ("/.hidden/x.py", "/.hidden/x.py"),
    ],
)
def test_what_follows_the_program_is_path_info(
    site: Site, rest: str, info: str
) -> None:
    environ = site.seen(f"/cgi-bin/seen.py{rest}").environ
    assert environ["PATH_INFO"] == info
    assert environ["SCRIPT_NAME"] == "/cgi-bin/seen.py"
    assert environ["REQUEST_URI"] == f"/cgi-bin/seen.py{rest}"


def test_a_path_is_translated(site: Site) -> None:
    environ = site.seen("/cgi-bin/seen.py/files/a/b").environ
    assert environ["PATH_TRANSLATED"] == str(site.folder / "a/b")
    assert "PATH_TRANSLATED" not in site.seen("/cgi-bin/seen.py/page").environ


def test_a_program_runs_in_its_directory(site: Site) -> None:
    response = site.get("/cgi-bin/deep/er/prog/info")
    assert response.text == f"{site.folder}/cgi-bin/deep/er\n/info\n"
    response = site.get("/cgi-bin/link/info")
    assert response.text == f"{site.folder}/cgi-bin\n/info\n"


def test_a_mounted_server(folder: Path) -> None:
    with programs.serving(folder, "--mount=/m", app=["app.py"]) as site:
        environ = site.seen("/m/cgi-bin/seen.py/x").environ
        assert environ["SCRIPT_NAME"] == "/m/cgi-bin/seen.py"
        assert environ["PATH_INFO"] == "/x"


def test_repeated_fields_are_joined(site: Site) -> None:
    fields = (("X-A", "1"), ("x-a", "2"), ("Cookie", "a=1"), ("Cookie", "b=2"))
    environ = site.seen("/cgi-bin/seen.py", *fields).environ
    assert environ["HTTP_X_A"] == "1, 2"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"


def test_fields_that_are_kept_from_programs(site: Site) -> None:
    fields = (
        ("Proxy", "http://evil"),
        ("Authorization", "Basic eDp5"),
        ("Proxy-Authorization", "Basic eDp5"),
        ("X_Forwarded_For", "evil"),
    )
    environ = site.seen("/cgi-bin/seen.py", *fields).environ
    assert not {name for name in environ if name.startswith("HTTP_")} - {"HTTP_HOST"}


def test_the_environment_is_the_requests(site: Site, folder: Path) -> None:
    environ = site.seen("/cgi-bin/seen.py").environ
    assert environ["LANG"] == "C.UTF-8"
    assert "HOME" not in environ
    assert "PYTHONPATH" not in environ
    with programs.serving(
        folder,
        "--cgi-env=SECRET",
        "--cgi-env=A=b=c",
        "--cgi-env=REQUEST_METHOD=FORGED",
        "--cgi-env=ABSENT",
        "--cgi-env=PATH=/bin",
        "--cgi-pass-authorization",
        env={"SECRET": "s", "HTTP_PROXY": "http://ours"},
    ) as other:
        environ = other.seen("/cgi-bin/seen.py", ("Authorization", "Basic x")).environ
        wanted = {"SECRET": "s", "A": "b=c", "REQUEST_METHOD": "GET", "PATH": "/bin"}
        assert {name: environ.get(name) for name in wanted} == wanted
        assert environ["HTTP_AUTHORIZATION"] == "Basic x"
        assert "ABSENT" not in environ
        assert "HTTP_PROXY" not in environ


def test_a_query_is_no_argument(site: Site) -> None:
    assert site.seen("/cgi-bin/seen.py?-s+-d").argv == []


def test_nothing_else_is_open(site: Site) -> None:
    assert site.seen("/cgi-bin/seen.py").open == [0, 1, 2]


def test_a_body(site: Site) -> None:
    seen = site.seen(
        "/cgi-bin/seen.py", ("Content-Type", "text/x"), method="POST", body=b"a=b"
    )
    assert seen.body == "a=b"
    assert seen.environ["CONTENT_LENGTH"] == "3"
    assert seen.environ["CONTENT_TYPE"] == "text/x"
    assert seen.environ["REQUEST_METHOD"] == "POST"


def test_a_small_body_in_chunks_has_a_length(site: Site) -> None:
    seen = site.seen("/cgi-bin/seen.py", method="POST", body=b"a=b", chunked=True)
    assert seen.body == "a=b"
    assert seen.environ["CONTENT_LENGTH"] == "3"
    assert "HTTP_TRANSFER_ENCODING" not in seen.environ


def test_a_large_body_in_chunks_is_passed_on(site: Site) -> None:
    body = b"x" * 300_000
    seen = site.seen("/cgi-bin/seen.py", method="POST", body=body, chunked=True)
    assert len(seen.body) == len(body)
    assert seen.environ["HTTP_TRANSFER_ENCODING"] == "chunked"
    assert "CONTENT_LENGTH" not in seen.environ


def test_a_body_that_nobody_reads(site: Site) -> None:
    body = b"x" * 1_000_000
    response = site.get("/cgi-bin/hello%20world.sh", method="POST", body=body)
    assert response.text == "hello from /cgi-bin/hello world.sh"


def test_a_body_that_is_too_large(folder: Path) -> None:
    with programs.serving(folder, "--limit-body=1000") as site:
        response = site.get("/cgi-bin/count.py", method="POST", body=b"x" * 1001)
        assert response.status == 413
        response = site.get(
            "/cgi-bin/count.py", method="POST", body=b"x" * 200_000, chunked=True
        )
        assert response.status == 413


def says(site: Site, text: str, method: str = "GET") -> Response:
    """The response where a program writes this."""
    return site.get(f"/cgi-bin/says.py?{quote(text)}", method=method)


def test_fields_and_status(site: Site) -> None:
    response = says(site, "Status: 404 Gone Fishing\r\nX-A: 1\nX-a: 2\n\nbody\n")
    assert (response.status, response.reason) == (404, "Gone Fishing")
    assert response.all("x-a") == ["1", "2"]
    assert response.body == b"body\n"
    assert says(site, "Status: 204\n\n").status == 204
    assert says(site, "Content-Type: a/b\n\n").body == b""


def test_a_head_request(site: Site) -> None:
    response = says(site, "Content-Type: a/b\nContent-Length: 4\n\nbody", "HEAD")
    assert (response.status, response.header("content-length")) == (200, "4")


def test_a_length_is_kept(site: Site) -> None:
    response = says(site, "Content-Type: a/b\nContent-Length: 4\n\nbody and more")
    assert (response.body, response.complete) == (b"body", True)
    response = says(site, "Content-Type: a/b\nContent-Length: 40\n\nbody")
    assert (response.body, response.complete) == (b"body", False)


def test_a_client_is_led_elsewhere(site: Site) -> None:
    response = says(site, "Location: http://foo.example/\n\n")
    assert response.status == 302
    assert response.header("location") == "http://foo.example/"
    response = says(site, "Status: 303 See Other\nLocation: /x\n\n")
    assert (response.status, response.header("location")) == (303, "/x")


def test_another_path_answers(site: Site) -> None:
    response = site.get("/cgi-bin/local?x=1", method="POST", body=b"gone")
    environ = json.loads(response.body)["environ"]
    assert response.header("set-cookie") == "a=1"
    assert environ["REQUEST_METHOD"] == "GET"
    assert environ["PATH_INFO"] == "/from/local"
    assert environ["QUERY_STRING"] == "a=1"
    assert environ["REDIRECT_URL"] == "/cgi-bin/local"
    assert environ["REDIRECT_QUERY_STRING"] == "x=1"
    assert environ["REDIRECT_REQUEST_METHOD"] == "POST"
    assert "CONTENT_LENGTH" not in environ
    assert site.get("/cgi-bin/to-app").text == "app:/page"
    response = site.get("/cgi-bin/to-app", method="HEAD")
    assert (response.status, response.body) == (200, b"")


def test_other_paths_in_a_circle(site: Site) -> None:
    assert site.get("/cgi-bin/loop").status == 500
    site.server.wait_for(r"error: cgi-bin/loop: .* passed on 10 times")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "wrote nothing"),
        ("\n", "neither Content-Type, Status nor Location"),
        ("X-A: 1\n\nbody", "neither Content-Type, Status nor Location"),
        ("Content-Type: a/b\n", "ended within the head"),
        ("hello\n\n", 'no field: "hello"'),
        ("Status: 2x\n\n", 'no status of a response: "2x"'),
        ("Status: 200\nA: b\x00\n\n", "no field"),
        ("Status: 200\nA: b\rC: d\n\n", "no field"),
        ("Location: /%00\n\n", "no location"),
        ("Status: 200\nA: " + "x" * 70_000 + "\n\n", "longer than 65536 bytes"),
    ],
)
def test_bad_output_is_a_500(site: Site, text: str, told: str) -> None:
    if len(text) > 1000:  # more than fits a request
        program = site.folder / "cgi-bin/long.sh"
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{text}END\n")
        program.chmod(0o755)
        response = site.get("/cgi-bin/long.sh")
    else:
        response = says(site, text)
    assert (response.status, response.body) == (500, b"Internal Server Error\n")
    site.server.wait_for(f"error: cgi-bin/.*{told}")


def test_a_crash_is_seen(site: Site) -> None:
    response = site.get("/cgi-bin/crash")
    assert (response.body, response.complete) == (b"half", False)
    site.server.wait_for("cgi-bin/crash: it was ended by signal 11")


def test_what_is_no_program_is_the_applications(site: Site) -> None:
    assert site.get("/cgi-bins").text == "app:/cgi-bins"
    assert site.get("/").text == "app:/"


def test_ourselves_as_a_program(folder: Path, tmp_path: Path) -> None:
    program = programs.build(tmp_path) / "cgi-bin/ours"
    program.write_text(
        f"#!/bin/sh\nexec {sys.executable} -m narthex cgi {folder}/app.py\n"
    )
    program.chmod(0o755)
    with programs.serving(tmp_path, "--cgi-env=PYTHONPATH") as site:
        assert site.get("/cgi-bin/ours/page").text == "app:/page"
        response = site.get("/cgi-bin/ours/x", method="HEAD")
        assert (response.status, response.body) == (200, b"")


def test_over_http2(site: Site) -> None:
    url = f"http://127.0.0.1:{site.port}/cgi-bin/seen.py/x"
    ended = subprocess.run(
        ["curl", "-s", "--http2-prior-knowledge", "--data-binary", "a=b", url],
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    seen = programs.Seen(**json.loads(ended.stdout))
    assert seen.body == "a=b"
    assert seen.environ["SERVER_PROTOCOL"] == "HTTP/2"
    assert seen.environ["HTTP_HOST"] == f"127.0.0.1:{site.port}"
