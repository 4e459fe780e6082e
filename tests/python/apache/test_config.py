"""`narthex apache config`: what it prints, taken by a real httpd."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import narthex
from command.running import get, run
from support.fronts.httpd import Httpd

from .httpd import AWKWARD, PACKAGE, kind, made_project

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=["", AWKWARD], ids=["plain", "awkward"])
def place(request: pytest.FixtureRequest) -> Iterator[Path]:
    """The project, in directories of several names."""
    with made_project(request.param) as project:
        yield project


def printed(project: Path, *words: str, app: str = "shop.py") -> str:
    """What the command prints."""
    ended = run("apache", "config", app, *words, cwd=project)
    assert ended.returncode == 0, ended.stderr.decode()
    return ended.stdout.decode()


@pytest.fixture
def state() -> Iterator[Path]:
    """A folder for httpd's own."""
    with made_project() as folder:
        yield folder


@pytest.mark.parametrize("process", ["group", "inline"])
def test_what_is_printed_serves(place: Path, state: Path, process: str) -> None:
    where = kind(process) or ["--env", PACKAGE]
    text = printed(place, "--mount", "/a.b/shop", *where)
    with Httpd(state, text, []) as httpd:
        assert get(httpd.port, "/a.b/shop/x").body.startswith(b"/a.b/shop|/x|-|")
        assert get(httpd.port, "/elsewhere").status == 404


def test_a_group_has_what_was_asked_for(place: Path, state: Path) -> None:
    settings = ["--processes", "1", "--threads", "4", "--umask", "027"]
    settings += ["--chdir", ".", "--timeout", "30", "--idle", "never", "--queue", "9"]
    settings += ["--max-rss", "1G", "--max-requests", "1000", "--start-timeout", "40"]
    settings += ["--graceful", "5", "--reload", "--env", 'SHOP=it\'s "open"; $HOME']
    options = ["--api", "wsgi", "-o", "limit-body=10M", "-o", "serialize", "--debug"]
    text = printed(
        place,
        *("--group", "shop", "--env", PACKAGE),
        *settings,
        *options,
        app="shop:app",
    )
    with Httpd(state, text, []) as httpd:
        seen = get(httpd.port, "/x").body.decode().split("|")
    assert seen[:3] == ["", "/x", 'it\'s "open"; $HOME']


def test_the_simplest_has_one_line_each(project: Path) -> None:
    lines = printed(project, "--mount", "/shop/").splitlines()
    words = [line.split(maxsplit=1) for line in lines if line and line[0] != "#"]
    directives = [name for name, *_ in words]
    place = ["<Location", "NarthexApp", "Require", "</Location>"]
    if not Path(narthex.__file__).is_relative_to(sys.prefix):
        # The module cannot find the environment by itself, which is named then.
        directives.remove("NarthexGroup")
        place.insert(2, "NarthexProcess")
    assert directives == ["LoadModule", *place]
    assert ["<Location", '"/shop">'] in words
    assert ["NarthexApp", f'"{project}/shop.py"'] in words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nosuch:app"], "N101: there is no module 'nosuch'"),
        (["shop.py", "-o", "limit-bdy=1"], "unexpected argument '--limit-bdy'"),
        (["shop.py", "--venv", "/nowhere"], "N332: /nowhere is no Python"),
        (["shop.py", "--venv", "."], "is no virtual environment"),
        (["shop.py", "--mount", "/a b"], "N306: '/a b' cannot stand for --mount"),
        (["shop.py", "--group", "a b"], "N306: 'a b' cannot stand for --name"),
        (["shop.py", "--inline", "--processes", "2"], "cannot be used with"),
        (["shop.py", "--umask", "999"], "write it octal"),
        (["shop.py", "--env", "A"], "write NAME=value"),
    ],
)
def test_what_would_not_work_is_refused(
    project: Path, words: list[str], said: str
) -> None:
    ended = run("apache", "config", *words, cwd=project)
    assert ended.returncode != 0
    assert ended.stdout == b""
    assert said in ended.stderr.decode()


def test_an_application_of_elsewhere_need_not_be_there(project: Path) -> None:
    text = printed(project, "--no-check", app="nosuch:app")
    assert 'NarthexApp "nosuch:app"' in text
    assert f'NarthexOption app-dir "{project}"' in text
