"""What is run and what is not, and what the command says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from command.running import Server, run

from . import programs
from .programs import Site

if TYPE_CHECKING:
    from pathlib import Path


def test_a_name_with_spaces(site: Site) -> None:
    response = site.get("/cgi-bin/hello%20world.sh")
    assert response.text == "hello from /cgi-bin/hello world.sh"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/none",
        "/deep",
        "/deep/",
        "/deep/er",
        "//seen.py",
        "/deep//er/prog",
        "/.hidden",
        "/%2ehidden",
        "/link-out",
        "/../secret",
        "/..%2fsecret",
        "/deep/%2e%2e/%2e%2e/secret",
        "/deep%5c..%5cseen.py",
        "/SEEN.PY",
        "/" + "n" * 300,
        "/" + "d/" * 3000,
    ],
)
def test_what_is_no_program(site: Site, path: str) -> None:
    response = site.get(f"/cgi-bin{path}")
    if "secret" in path:
        assert response.text in ("app:/secret", "Not Found\n")
    else:
        assert response.status == 404


def test_a_nul_is_refused(site: Site) -> None:
    assert site.get("/cgi-bin/seen.py%00.txt").status == 400


@pytest.mark.parametrize(
    ("name", "status", "told"),
    [
        ("plain.txt", 403, "it may not be executed: chmod \\+x .*/cgi-bin/plain.txt"),
        ("missing", 500, "its interpreter /no/such/interpreter is missing"),
        ("missing-by-env", 500, r"it wrote nothing \(exit status: 127\)"),
        ("windows", 500, "its first line ends with CR LF"),
        ("windows-by-env", 500, ".*its first line ends with CR LF"),
        ("no-shebang", 500, "it is no program: a script begins with"),
        ("nph-old", 500, "nph- programs, which write HTTP themselves, are not run"),
    ],
)
def test_a_program_that_does_not_start(
    site: Site, name: str, status: int, told: str
) -> None:
    assert site.get(f"/cgi-bin/{name}").status == status
    site.server.wait_for(f"^narthex: error: cgi-bin/{name}: {told}")


def test_no_application_is_needed(folder: Path) -> None:
    with programs.serving(folder) as site:
        assert site.get("/cgi-bin/link").status == 200
        assert site.get("/").status == 404
        assert site.get("/", method="POST", body=b"x" * 200_000).status == 404
        said = "\n".join(site.server.said)
        site.server.wait_for("running the CGI programs in cgi-bin below /cgi-bin")
        site.server.wait_for("serving no application with hyper")
        assert "Traceback" not in said


def test_workers_run_programs(folder: Path) -> None:
    with programs.serving(folder, "--workers=2") as site:
        assert site.seen("/cgi-bin/seen.py").open == [0, 1, 2]


def test_another_path_and_a_file_of_settings(folder: Path, tmp_path: Path) -> None:
    settings = tmp_path / "narthex.toml"
    settings.write_text(
        f'cgi-bin = ["/a=cgi-bin", "/a/b={folder}/cgi-bin/deep"]\n'
        "cgi-env = ['A=1']\ncgi-timeout = 5\n"
    )
    words = ("serve", "--config", str(settings), "--bind", "127.0.0.1:0")
    server = Server(*words, cwd=folder)
    try:
        site = Site(server, server.wait_for_port(), folder)
        environ = site.seen("/a/seen.py/x").environ
        assert (environ["SCRIPT_NAME"], environ["A"]) == ("/a/seen.py", "1")
        assert site.get("/a/b/er/prog/x").text.endswith("/x\n")
        assert site.get("/cgi-bin/seen.py").status == 404
    finally:
        server.close()


def test_a_file_never_shows_a_program(folder: Path) -> None:
    with programs.serving(folder, "--static=/=.", app=["app.py"]) as site:
        response = site.get("/cgi-bin/deep/er/prog")
        assert response.status == 200
        assert b"#!" not in response.body
        assert site.get("/cgi-bin/plain.txt").status == 403


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--cgi-bin", "none"], "N296"),
        (["--cgi-bin", "app.py"], "N296"),
        (["--cgi-bin", "cgi-bin", "--cgi-bin", "cgi-bin"], "N297"),
        (["--cgi-bin", "x=", "--cgi-env", "HTTP_PROXY"], "HTTP_ are fields"),
        (["--cgi-bin", "/x="], "write a directory"),
        ([], "<APP>"),
    ],
)
def test_a_start_that_fails(folder: Path, words: list[str], code: str) -> None:
    ended = run("serve", *words, "--bind", "127.0.0.1:0", cwd=folder)
    assert ended.returncode != 0
    assert code in ended.stderr.decode()


def test_other_backends_do_not_run_programs(folder: Path) -> None:
    words = ("run", "app.py", "--backend", "tiny-http", "--cgi-bin", "cgi-bin")
    ended = run(*words, "--bind", "127.0.0.1:0", cwd=folder)
    assert ended.returncode == 1
    assert "--cgi-bin cannot be used here" in ended.stderr.decode()


def test_a_check_looks_at_programs(folder: Path) -> None:
    ended = run("check", "--cgi-bin", "cgi-bin", "--bind", "127.0.0.1:0", cwd=folder)
    text = ended.stdout.decode()
    assert ended.returncode == 0, text
    assert "warn  CGI programs: cgi-bin/plain.txt: it may not be executed" in text
    assert "warn  CGI programs: cgi-bin/windows: its first line ends with CR" in text
    assert "warn  CGI programs: cgi-bin/missing: its interpreter" in text
    assert "in cgi-bin, below /cgi-bin" in text
    ended = run("check", "--cgi-bin", "none", "--bind", "127.0.0.1:0", cwd=folder)
    assert ended.returncode == 1
    assert "N296" in ended.stdout.decode()
