"""`narthex apache serve`: an httpd of one's own."""

from __future__ import annotations

import re
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from command.running import PATIENCE, Server, get
from support.fronts.httpd import not_as_root
from support.fronts.program import find_program
from support.processes import command_line, descendants

from .httpd import AWKWARD, kind, made_project, serving

MPMS = [
    "event",
    pytest.param("worker", marks=pytest.mark.full),
    pytest.param("prefork", marks=pytest.mark.full),
]


def below(server: Server) -> dict[int, list[str]]:
    """The processes that have been started, and how."""
    return {one: command_line(one) for one in descendants(server.process.pid)}


def configuration(server: Server) -> Path:
    """The file that httpd was started with."""
    words = next(words for words in below(server).values() if "-DFOREGROUND" in words)
    return Path(words[words.index("-f") + 1])


def said_by(server: Server) -> str:
    """All that a server said, which has ended."""
    return "\n".join(server.said)


def has_gone(process: int) -> bool:
    """Whether a process has ended; one that nobody has asked about yet has, too."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def wait_until_gone(processes: dict[int, list[str]]) -> None:
    deadline = time.monotonic() + PATIENCE
    while left := {one: how for one, how in processes.items() if not has_gone(one)}:
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


@pytest.mark.parametrize("process", ["group", "inline"])
@pytest.mark.parametrize("mpm", MPMS)
def test_a_page_is_served(process: str, mpm: str) -> None:
    words = ["--mpm", mpm, "--mount", "/shop", *kind(process)]
    with made_project(AWKWARD) as project, serving(project, *words) as server:
        port = server.wait_for_port()
        assert get(port, "/shop/a%2Fb").body.startswith(b"/shop|/a/b|-|")
        assert get(port, "/elsewhere").status == 404
        folder = configuration(server).parent
        assert f"mod_mpm_{mpm}.so" in (folder / "httpd.conf").read_text()
        everything = below(server)
        server.send(signal.SIGINT)
        assert server.wait() == 0, server.said
        wait_until_gone(everything)
        assert not folder.exists()


@pytest.mark.parametrize("process", ["group", "inline"])
def test_a_running_request_ends_before_the_server(project: Path, process: str) -> None:
    answers = []
    with serving(project, *kind(process)) as server:
        port = server.wait_for_port()
        client = threading.Thread(target=lambda: answers.append(get(port, "/slow")))
        client.start()
        # What an application writes is on the terminal at once.
        server.wait_for("at it")
        server.send(signal.SIGTERM)
        client.join(PATIENCE)
        assert server.wait() == 0, server.said
    assert [answer.status for answer in answers] == [200]


def test_nothing_is_left_when_the_command_is_killed(project: Path) -> None:
    with serving(project, *kind("group")) as server:
        get(server.wait_for_port())
        everything = below(server)
        folder = configuration(server).parent
        server.send(signal.SIGKILL)
        wait_until_gone(everything)
        # The directory stays: nobody was left to remove it.
        for file in folder.rglob("*"):
            assert not file.is_socket(), file


def test_an_access_log_can_be_had_on_standard_output(project: Path) -> None:
    with serving(project, "--access-log", "-", *kind("inline")) as server:
        get(server.wait_for_port(), "/x?y")
        assert server.process.stdout is not None
        line = server.process.stdout.readline().decode()
    assert re.match(r'127\.0\.0\.1 - - \[.*\] "GET /x\?y HTTP/1\.1" 200 \d+ ', line)


def test_more_configuration_is_included(project: Path) -> None:
    (project / "more.conf").write_text(
        'LoadModule headers_module "${MODULES}/mod_headers.so"\n'
        'Header set X-More "yes"\n'
    )
    with serving(project, "--include", "more.conf", *kind("inline")) as server:
        answer = get(server.wait_for_port())
    assert answer.headers["x-more"] == "yes"


def test_a_taken_address_is_said(project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with serving(project, "--bind", address, *kind("inline")) as server:
            assert server.wait() == 1
    assert f"N338: httpd cannot listen on {address}: it is taken" in said_by(server)


def test_what_httpd_refuses_is_shown(project: Path) -> None:
    (project / "more.conf").write_text("NoSuchDirective On\n")
    with serving(project, "--include", "more.conf", *kind("inline")) as server:
        assert server.wait() == 1
    said = said_by(server)
    assert "N339: httpd has ended by itself, with status 1" in said
    assert "Invalid command 'NoSuchDirective'" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--bind", "unix:/x"], "N338"),
        (["--bind", "127.0.0.1:70000"], "N338"),
        (["--bind", "203.0.113.1:0"], "N338"),
        (["--httpd", "/nowhere/httpd"], "N334: there is no program /nowhere/httpd"),
        (["--httpd", "/bin/true"], "N334: /bin/true is no httpd"),
        (["--user", "nobody-at-all"], "N333: there is no user nobody-at-all"),
        (["--mpm", "winnt"], "invalid value 'winnt'"),
    ],
)
def test_what_cannot_be_served_is_said(
    project: Path, words: list[str], said: str
) -> None:
    with serving(project, *words) as server:
        assert server.wait() != 0
    assert said in said_by(server)


def test_root_is_told_what_another_user_cannot_read(project: Path) -> None:
    project.chmod(0o700)
    server = Server(
        *("apache", "serve", "shop.py"),
        cwd=project,
        before=[find_program("unshare"), "--user", "--map-root-user"],
    )
    try:
        assert server.wait() == 1
    finally:
        server.close()
    said = said_by(server)
    assert "httpd never serves as root: it serves as " in said
    assert "N337" in said
    assert f"chmod o+rx {project}" in said


def test_only_root_has_another_user(project: Path) -> None:
    with serving(project, "--user", "daemon") as server:
        assert server.wait() == 1
    assert "only root can start an httpd that serves as daemon" in said_by(server)


def test_run_serves_by_its_backend(project: Path) -> None:
    words = ["--bind", "127.0.0.1:0", "--mount", "/shop/", "--workers", "1"]
    words += ["--limit-body", "10M", "--serialize", "--access-log", "-"]
    server = Server(
        *("run", "--backend", "apache", "shop.py", *words),
        cwd=project,
        before=not_as_root(),
        env={"SHOP": "a 'b' \"c\" $d"},
    )
    try:
        seen = get(server.wait_for_port(), "/shop/x").body.decode().split("|")
        assert seen[:3] == ["/shop", "/x", "a 'b' \"c\" $d"]
        text = configuration(server).read_text()
        server.send(signal.SIGTERM)
        assert server.wait() == 0
    finally:
        server.close()
    for line in (
        '<Location "/shop">',
        "processes=1",
        'NarthexOption limit-body "10M"',
        "NarthexOption serialize",
        "NarthexDebug On",
        "CustomLog",
    ):
        assert line in text


def test_an_option_that_is_not_for_httpd_is_explained(project: Path) -> None:
    server = Server(
        *("run", "--backend", "apache", "shop.py", "--static", "/x=."),
        cwd=project,
        before=not_as_root(),
    )
    try:
        assert server.wait() == 1
    finally:
        server.close()
    assert "httpd serves files: write Alias" in said_by(server)
