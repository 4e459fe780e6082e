"""`narthex init shared`: one directory of a real Apache, by each of three modules."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .httpd import httpd, quoted
from .sites import (
    AWKWARD,
    Site,
    answers_everything,
    ask,
    has_gone,
    made_home,
    made_site,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

MODULES = {"cgid": "event", "cgi": "prefork", "fcgid": "event"}

# What a host says of its customers' directories.
HOST = """\
# Hosts differ in this; without it none lets `%2F` through.
AllowEncodedSlashes On
MergeSlashes Off
<IfModule mod_fcgid.c>
    FcgidMaxRequestLen 1073741824
    FcgidMaxProcessesPerClass 1
</IfModule>
Alias "{mount}/" {output}
<Directory {output}>
    Require all granted
    AllowOverride All
    Options FollowSymLinks Indexes MultiViews
</Directory>
PassEnv NARTHEX_RUNTIME_DIR
"""


@pytest.fixture
def site(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    """A site with a directory of the web inside, beside the application."""
    with made_site(getattr(request, "param", "")) as site:
        home = made_home(site.state / "home")
        shutil.copy(narthex_cgi(), home / "bin")
        site.python = str(home / "bin" / "python")
        # Residents of these tests have sockets of their own.
        runtime = site.state / "run"
        runtime.mkdir(mode=0o700)
        monkeypatch.setenv("NARTHEX_RUNTIME_DIR", str(runtime))
        web = site.output = site.folder / "web"
        web.mkdir()
        (site.folder / "static").rename(web / "static")
        (web / "secret.sqlite3").write_text("secret")
        (web / "logo.svg").write_text("<svg/>")
        (web / ".well-known").mkdir()
        (web / ".well-known" / "proof").write_text("mine")
        yield site


def narthex_cgi() -> Path:
    """The program: the one named, or that beside this Python."""
    named = os.environ.get("NARTHEX_CGI_PROGRAM")
    program = Path(named or Path(sys.executable).with_name("narthex-cgi"))
    if not program.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{program} is not there")
        pytest.skip(f"{program} is not there")
    return program


def write(site: Site, *words: str) -> str:
    static = f"/static={site.output / 'static'}"
    words = ("--static", static, "--output", str(site.output), *words)
    return site.init("shared", *words)


def host(site: Site, module: str, mount: str) -> AbstractContextManager[None]:
    """Apache as a host has it, with one module for programs."""
    lines = HOST.format(mount=mount, output=quoted(site.output)[:-1] + '/"')
    modules = ["alias", "rewrite", "negotiation", "autoindex", "setenvif", module]
    return httpd(site, modules, lines, MODULES[module])


def answers(site: Site, module: str, mount: str) -> None:
    """Asks everything, and for what Apache must keep to itself."""
    with host(site, module, mount):
        processes = set(answers_everything(site.port, mount))
        # Warm, all are answered by one process, as by mod_fcgid.
        assert len(processes) == 1
        seen = ask(site.port, f"{mount}/a").seen
        assert seen["directory"] == str(site.folder)
        for name in ("app.cgi", "app.fcgi", ".htaccess", "secret.sqlite3"):
            assert "SCRIPT_NAME" in ask(site.port, f"{mount}/{name}").seen
        assert ask(site.port, f"{mount}/logo.svg").body == b"<svg/>"
        assert ask(site.port, f"{mount}/.well-known/proof").body == b"mine"
    (process,) = processes
    if module != "fcgid":
        # A resident outlives the web server, until nobody has asked for long enough.
        os.kill(process, signal.SIGTERM)
    assert has_gone(process)


@pytest.mark.parametrize("mount", ["", "/a.b/shop"])
@pytest.mark.parametrize("module", MODULES)
def test_a_directory_answers(site: Site, module: str, mount: str) -> None:
    write(site, "--mount", mount)
    answers(site, module, mount)


@pytest.mark.parametrize("site", [AWKWARD], indirect=True)
@pytest.mark.parametrize("module", ["cgid", "cgi"])
def test_paths_with_quotes_and_spaces(site: Site, module: str) -> None:
    said = write(site)
    # mod_fcgid cuts paths of programs at spaces: that way is left out, and said to be.
    assert not (site.output / "app.fcgi").exists()
    assert "whose path has a space" in said
    answers(site, module, "")


@pytest.mark.parametrize(
    ("module", "command"),
    [("cgid", "touch app.cgi"), ("fcgid", "cp app.fcgi new && mv new app.fcgi")],
)
def test_a_change_is_taken_over(site: Site, module: str, command: str) -> None:
    assert command in write(site)
    app = site.folder / "shop.py"
    with host(site, module, ""):
        before = ask(site.port, "/").seen["process"]
        app.write_text(app.read_text().replace('"process"', '"changed": 1, "process"'))
        subprocess.run(command, shell=True, cwd=site.output, check=True)
        after = ask(site.port, "/").seen
        assert after["changed"] == 1
        assert after["process"] != before
    for process in (before, after["process"]):
        end(process)


def end(process: int) -> None:
    """Ends a process that nobody needs any more, if it has not gone by itself."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGTERM)
    assert has_gone(process)


def test_static_files_must_be_in_the_directory(site: Site) -> None:
    """There a link will do."""
    (site.folder / "assets").mkdir()
    (site.folder / "assets" / "x.bin").write_bytes(b"x")
    (site.output / "assets").symlink_to(site.folder / "assets")
    static = f"/assets={site.folder / 'assets'}"
    site.init("shared", "--static", static, "--output", str(site.output))
    with host(site, "fcgid", ""):
        assert ask(site.port, "/assets/x.bin").body == b"x"


def test_code_in_the_web_is_warned_of(site: Site) -> None:
    (site.output / "shop.py").write_text((site.folder / "shop.py").read_text())
    said = site.init(
        "shared", "--chdir", str(site.output), "--output", str(site.output)
    )
    assert "warning: the application lies in the directory that is open" in said
    assert "warning" not in site.init("shared", "--output", str(site.output), "--force")
