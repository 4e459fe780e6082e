"""`narthex init`: what it writes, what it leaves alone, and what it refuses."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from command.running import PATIENCE, environment

from .sites import APP, AWKWARD, made_home

KINDS = ["nginx", "lighttpd", "apache-fcgi", "systemd", "shared"]
FILES = {
    "nginx": {"shop.nginx.conf", "shop.nginx-alone.conf"},
    "lighttpd": {"shop.lighttpd.conf", "shop.lighttpd-spawn.conf", "shop.fcgi"},
    "apache-fcgi": {"shop.apache.conf", "shop.apache-fcgid.conf", "shop.fcgi"},
    "systemd": {"shop.service", "shop.socket"},
    "shared": {"app.cgi", "app.fcgi", ".htaccess"},
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A directory with an application."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "shop.py").write_text(APP)
    return folder


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment whose `narthex-cgi` is there, and says how it is called."""
    return make_home(tmp_path_factory.mktemp("home"))


def make_home(folder: Path) -> Path:
    program = made_home(folder) / "bin" / "narthex-cgi"
    program.write_text('#!/bin/sh\nprintf "%s|" "$0" "$@"\n')
    program.chmod(0o755)
    return folder


def init(home: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [home / "bin" / "python", "-m", "narthex", "init", *words],
        cwd=folder,
        env=environment({"PYTHONPATH": os.pathsep.join(sys.path)}),
        capture_output=True,
        timeout=PATIENCE * 2,
        check=False,
    )


def refused(home: Path, folder: Path, *words: str) -> str:
    """What it says when it refuses; nothing is written."""
    before = sorted(folder.rglob("*"))
    done = init(home, folder, *words)
    assert done.returncode == 1, done
    after = [
        path for path in sorted(folder.rglob("*")) if "__pycache__" not in str(path)
    ]
    assert after == [path for path in before if "__pycache__" not in str(path)]
    return done.stderr.decode()


@pytest.mark.parametrize("kind", KINDS)
def test_files_are_written_and_named(
    home: Path, shop: Path, tmp_path: Path, kind: str
) -> None:
    output = tmp_path / "out"
    output.mkdir()
    done = init(home, shop, kind, "shop:application", "--output", str(output))
    assert done.returncode == 0, done.stderr.decode()
    assert {path.name for path in output.iterdir()} == FILES[kind]
    said = done.stdout.decode()
    for path in output.iterdir():
        assert f"wrote {path}\n" in said
        assert bool(path.stat().st_mode & stat.S_IXUSR) == (
            path.suffix in (".cgi", ".fcgi")
        )
        text = path.read_text()
        assert "{{" not in text
        assert all(line == line.rstrip() for line in text.splitlines())
        assert "\n\n\n" not in text
    assert "\nNext:\n" in said

    # Nothing is written that is there already.
    again = init(home, shop, kind, "shop:application", "--output", str(output))
    assert again.returncode == 0
    assert "wrote" not in again.stdout.decode()

    # Standard output gets the same.
    shown = init(home, shop, kind, "shop:application", "--output", "-").stdout.decode()
    for path in output.iterdir():
        part = shown.split(f"# ==> {path.name} <==\n", 1)[1]
        first = path.read_text().splitlines()[-1]
        assert first in part


def test_what_was_edited_is_not_replaced(home: Path, shop: Path) -> None:
    assert init(home, shop, "nginx", "shop:application").returncode == 0
    conf = shop / "shop.nginx.conf"
    text = conf.read_text()
    conf.write_text(text.replace("keepalive 16;", "keepalive 99;"))
    said = refused(home, shop, "nginx", "shop:application")
    assert "error N305" in said
    assert "-    keepalive 99;" in said
    assert "+    keepalive 16;" in said
    assert "--force" in said
    assert "keepalive 99;" in conf.read_text()
    assert init(home, shop, "nginx", "shop:application", "--force").returncode == 0
    assert conf.read_text() == text


def test_an_unknown_kind_lists_the_known(home: Path, shop: Path) -> None:
    done = init(home, shop, "iis", "shop:application")
    assert done.returncode == 2
    for kind in KINDS:
        assert kind in done.stderr.decode()


def test_an_application_that_cannot_be_loaded(home: Path, shop: Path) -> None:
    (shop / "broken.py").write_text("import nothing_of_this_name\n")
    said = refused(home, shop, "nginx", "broken:app")
    assert "nothing_of_this_name" in said
    assert "--no-check" in said
    assert init(home, shop, "nginx", "broken:app", "--no-check").returncode == 0
    assert "broken:app" in (shop / "shop.nginx.conf").read_text()


def test_what_an_application_prints_is_in_no_file(home: Path, shop: Path) -> None:
    (shop / "loud.py").write_text("print('loud')\n" + APP)
    done = init(home, shop, "systemd", "loud:application", "--output", "-")
    assert done.returncode == 0
    assert b"loud\n" not in done.stdout
    assert b"loud\n" in done.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["nginx", "shop:application", "--output", "nowhere"], "N303"),
        (["nginx", "shop:application", "--chdir", "nowhere"], "N303"),
        (["nginx", "shop:application", "--socket", "/" + "s" * 108], "N304"),
        (["nginx", "shop:application", "--socket", "/run/$x"], "N304"),
        (["nginx", "shop:application", "--socket", "/run/a\nb"], "N304"),
        (["apache-fcgi", "shop:application", "--socket", "/run/${x}"], "N304"),
        (["apache-fcgi", "shop:application", "--socket", "/run/a|b"], "N304"),
        (["lighttpd", "shop:application", "--socket", "/run/a\\"], "N304"),
        (["systemd", "shop:application", "--socket", "/run/a\\"], "N304"),
        (["nginx", "shop:application", "--listen", "80; evil"], "N306"),
        (["nginx", "shop:application", "--name", "a b"], "N306"),
        (["nginx", "shop:application", "--server-name", "a b"], "N306"),
        (["nginx", "shop:application", "--mount", "/a b"], "N306"),
        (["nginx", "shop:application", "--static", "/=static"], "N306"),
        (["systemd", "shop:application", "--user", "a%b"], "N306"),
        (["shared", "shop", "--no-check"], "N307"),
        (["shared", "shop:application", "--static", "/s=/usr"], "N308"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value[::2])[:24],
)
def test_what_would_not_work_is_refused(
    home: Path, shop: Path, words: list[str], code: str
) -> None:
    said = refused(home, shop, *words)
    assert f"error {code}:" in said
    assert "Fix:" in said


def test_a_directory_that_cannot_be_written(home: Path, shop: Path) -> None:
    (shop / "shop.nginx.conf").mkdir()
    said = refused(home, shop, "nginx", "shop:application")
    assert "error N303" in said
    assert "shop.nginx.conf" in said


@pytest.mark.parametrize(
    ("app", "imported"),
    [
        ("shop:application", "from shop import application as app"),
        ("shop", "from shop import application as app"),
        ("shop.py", "from shop import application as app"),
        (".", None),
        ("shop.py:application", "from shop import application as app"),
        ("shop:make_site", "app = make_site()"),
        ('shop:make_site("/x")', 'app = make_site("/x")'),
        ("my-shop.py:application", "['application']"),
        ("shop:Namespace.application", "app = Namespace.application"),
    ],
)
def test_every_form_of_app(
    home: Path, shop: Path, app: str, imported: str | None
) -> None:
    namespace = "\n\nclass Namespace:\n    application = staticmethod(application)\n"
    (shop / "shop.py").write_text(APP + namespace)
    (shop / "app.py").write_text(APP)
    (shop / "my-shop.py").write_text(APP)
    output = shop / "out"
    output.mkdir()
    done = init(home, shop, "shared", app, "--output", str(output))
    assert done.returncode == 0, done.stderr.decode()
    text = (output / "app.cgi").read_text()
    assert imported is None or imported in text
    # What is imported is an application, wherever the process is started.
    show = "import runpy, sys; print(callable(runpy.run_path(sys.argv[1])['app']))"
    seen = subprocess.run(
        [sys.executable, "-c", show, str(output / "app.cgi")],
        cwd="/",
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert seen.stdout == "True\n", seen.stderr
    # The other program is given the same, and files by their full path.
    fcgi = (output / "app.fcgi").read_text()
    assert app in fcgi or str(shop / app) in fcgi or (app == "." and str(shop) in fcgi)


def test_the_name_is_that_of_the_directory(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / AWKWARD
    folder.mkdir()
    (folder / "shop.py").write_text(APP)
    assert init(home, folder, "nginx", "shop:application").returncode == 0
    assert (folder / "my-app-s-100-own.nginx.conf").is_file()


@pytest.mark.parametrize("where", ["with space", "d" * 130, "it's $HOME `x` \\ 'y'"])
def test_a_program_that_no_first_line_can_name(
    tmp_path: Path, shop: Path, where: str
) -> None:
    """Then a shell starts it, from a file that is Python all the same."""
    home = make_home(tmp_path / where)
    done = init(home, shop, "shared", "shop:application")
    assert done.returncode == 0, done.stderr.decode()
    script = shop / "app.cgi"
    assert script.read_text().startswith("#!/bin/sh\n")
    # A query without `=` is put behind the script by web servers, and goes no further.
    started = subprocess.run(
        [script, "--evil"], capture_output=True, timeout=PATIENCE, check=False
    )
    program = home / "bin" / "narthex-cgi"
    assert started.stdout.decode() == f"{program}|{script}|", started.stderr
    check = "import ast, sys, warnings; warnings.simplefilter('error');"
    check += "ast.parse(open(sys.argv[1]).read())"
    subprocess.run([sys.executable, "-c", check, str(script)], check=True)


def test_a_program_that_a_first_line_can_name(home: Path, shop: Path) -> None:
    assert init(home, shop, "shared", "shop:application").returncode == 0
    script = shop / "app.cgi"
    assert script.read_text().startswith(f"#!{home}/bin/narthex-cgi\n")
    started = subprocess.run(
        [script], capture_output=True, timeout=PATIENCE, check=False
    )
    assert started.stdout.decode() == f"{home}/bin/narthex-cgi|{script}|"


def test_an_api_that_was_named_reaches_the_programs(home: Path, shop: Path) -> None:
    assert (
        init(home, shop, "shared", "shop:application", "--api", "wsgi").returncode == 0
    )
    first = (shop / "app.cgi").read_text().splitlines()[0]
    assert first == f"#!{home}/bin/narthex-cgi --api=wsgi"
    assert " --api wsgi shop:application" in (shop / "app.fcgi").read_text()


def test_without_narthex_cgi(home: Path, shop: Path, tmp_path: Path) -> None:
    bare = make_home(tmp_path / "bare")
    (bare / "bin" / "narthex-cgi").unlink()
    said = refused(bare, shop, "shared", "shop:application")
    assert "error N309" in said
