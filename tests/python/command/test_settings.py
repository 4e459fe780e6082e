"""Settings: what wins, where each comes from, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .running import get, run

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Starter


def show(
    project: Path, *words: str, env: dict[str, str] | None = None
) -> dict[str, tuple[str, str]]:
    """The settings that are set: value and origin by name."""
    ended = run("config", "show", *words, cwd=project, env=env)
    assert ended.returncode == 0, ended.stderr.decode()
    shown = {}
    for line in ended.stdout.decode().splitlines():
        if line and not line.startswith("#"):
            key, rest = line.split(" = ", 1)
            value, origin = rest.rsplit("  # ", 1)
            shown[key] = (value, origin)
    return shown


def test_ranks(project: Path) -> None:
    (project / "narthex.toml").write_text(
        "# a comment\nthreads = 2\nbacklog = 2\nlimit-headers = 2\n"
    )
    shown = show(
        project,
        "--threads=4",
        env={"NARTHEX_THREADS": "3", "NARTHEX_BACKLOG": "3", "PORT": "81"},
    )
    assert shown["threads"] == ("4", "command line")
    assert shown["backlog"] == ("3", "environment NARTHEX_BACKLOG")
    assert shown["limit-headers"] == ("2", "narthex.toml:4")
    assert shown["placement"] == ('"adaptive"', "default")
    assert shown["bind"] == ('["0.0.0.0:81"]', "environment PORT")
    assert show(project)["bind"] == ('["127.0.0.1:8000"]', "default")


def test_a_list_on_the_command_line_replaces_one_in_a_file(project: Path) -> None:
    (project / "narthex.toml").write_text('bind = ["127.0.0.1:1", "127.0.0.1:2"]\n')
    found = ('["127.0.0.1:1", "127.0.0.1:2"]', "narthex.toml:1")
    assert show(project)["bind"] == found
    for words in (["--bind", "127.0.0.1:3"], ["-b127.0.0.1:3"]):
        assert show(project, *words)["bind"] == ('["127.0.0.1:3"]', "command line")


def test_what_is_shown_can_be_used(project: Path) -> None:
    before = show(project, "app:app", "--limit-body=3M", '--app-dir=a "b" \\ é\n')
    text = run(
        *("config", "show", "app:app", "--limit-body=3M"),
        '--app-dir=a "b" \\ é\n',
        cwd=project,
    ).stdout
    (project / "other.toml").write_bytes(text)
    after = show(project, "--config", "other.toml")
    assert {key: value for key, (value, _) in after.items()} == {
        key: value for key, (value, _) in before.items()
    }
    assert after["limit-body"][1].startswith("other.toml:")


def test_a_project_file_and_the_environment_serve(
    project: Path, start: Starter
) -> None:
    (project / "pyproject.toml").write_text(
        '[project]\nname = "shop"\n[tool.narthex]\napp = "app:app"\n'
        'mount = "/shop"\nserialize = true\nreload = false\n'
    )
    server = start("serve", env={"NARTHEX_BIND": "127.0.0.1:0"})
    assert get(server.wait_for_port(), "/shop").body == b"hello"


def test_our_own_file_comes_before_the_project_file(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.narthex]\nthreads = 7\n")
    (project / "narthex.toml").write_text("threads = 8\n")
    assert show(project)["threads"] == ("8", "narthex.toml:1")
    assert "threads" in show(project, "--config", "none")
    assert show(project, "--config", "none")["threads"][1] == "default"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("limit-bdy = 3", ["narthex.toml:1", '"limit-bdy"', "write limit-body"]),
        ("\nxyzzyxyzzyx = 3", ["narthex.toml:2", '"xyzzyxyzzyx"', "config show"]),
        ("threads = [1, 2]", ["narthex.toml:1", "threads", "one value"]),
        ("[limits]\nbody = 3", ["narthex.toml:1", "limits"]),
        ("reload = 'perhaps'", ["narthex.toml:1", "true or false"]),
        ("threads = ", ["narthex.toml:1"]),
        ("request = 'GET /'", ["narthex.toml:1", "no setting"]),
        ("header-timeout = 'x'", ["narthex.toml:1", "number of seconds"]),
        ("api = 'soap'", ["narthex.toml:1", "wsgi"]),
    ],
)
def test_mistakes(project: Path, text: str, said: list[str]) -> None:
    (project / "narthex.toml").write_text(text)
    ended = run("serve", "app", cwd=project)
    assert ended.returncode != 0
    for words in said:
        assert words in ended.stderr.decode()


def test_a_named_file_must_be_there(project: Path) -> None:
    ended = run("serve", "app", "--config", "absent.toml", cwd=project)
    assert ended.returncode == 1
    assert "N270" in ended.stderr.decode()
    assert "absent.toml" in ended.stderr.decode()


def test_a_cgi_program_reads_its_neighbour(project: Path) -> None:
    (project / "narthex.toml").write_text("limit-body = 3\nthreads = 5\n")
    for words, status in ((["-d", "abc"], b"200"), (["-d", "abcd"], b"413")):
        ended = run("cgi", "app", "--request", "POST /", *words, "--raw", cwd=project)
        assert ended.stdout.split()[1] == status
