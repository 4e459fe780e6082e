"""`narthex apache check`: everything that is wrong, at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from command.running import PATIENCE, arguments, environment
from support.fronts.httpd import configure, not_as_root

MODULES = Path("/usr/lib/apache2/modules")


def checked(*words: str, cwd: Path) -> tuple[int, str]:
    """The status, and what is printed."""
    ended = subprocess.run(
        [*not_as_root(), *arguments("apache", "check", *words)],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        timeout=PATIENCE * 2,
        check=False,
    )
    assert ended.stderr == b""
    return ended.returncode, ended.stdout.decode()


def test_all_is_well(project: Path) -> None:
    file = configure(project, 1, "", ["narthex"], "event")
    status, text = checked("-f", str(file), cwd=project)
    lines = text.splitlines()
    assert (status, [line for line in lines if not line.startswith("ok ")]) == (0, [])
    subjects = {line.split()[1] for line in lines}
    assert subjects >= {
        *("module:", "httpd:", "loading:", "configuration:", "MPM:", "LoadModule:"),
        *("Python:", "engine:", "inline:"),
    }


def test_everything_at_once(project: Path) -> None:
    project.chmod(0o700)
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", project / "venv"], check=True
    )
    # One of them at a time is as much as httpd takes.
    lines = f'LoadModule wsgi_module "{MODULES}/mod_wsgi.so"\n'
    file = configure(project, 1, lines, [], "prefork")
    status, text = checked(
        *("-f", str(file), "--venv", "venv", "--inline", "--user", "nobody"),
        cwd=project,
    )
    assert status == 1
    for mark, subject, what in (
        ("warn", "MPM", "prefork"),
        ("fail", "mod_wsgi", "it brings a Python of its own"),
        ("warn", "LoadModule", "does not load narthex_module"),
        ("fail", "engine", "this Python has no narthex"),
        ("fail", "user", f"nobody cannot read {project}"),
    ):
        line = next(it for it in text.splitlines() if f"  {subject}: " in it)
        assert line.startswith(mark)
        assert what in line
    assert f"      {project}/venv/bin/python -m pip install --upgrade narthex" in text
    assert f"      chmod o+x {project}\n" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-f", "nowhere.conf"], "fail  configuration: there is no file "),
        (["-f", "wrong.conf"], "Invalid command 'Nonsense'"),
        (["--httpd", "/bin/true"], "fail  httpd: N334: /bin/true is no httpd"),
        (["--venv", "/bin/false"], "fail  Python: N332: /bin/false is no Python"),
        (["--user", "nobody-at-all"], "N333: there is no user nobody-at-all"),
    ],
)
def test_one_thing_wrong(project: Path, words: list[str], said: str) -> None:
    wrong = configure(project, 1, "Nonsense On\n", [], "event")
    wrong.rename(project / "wrong.conf")
    status, text = checked(*words, cwd=project)
    assert status == 1
    assert said in text
    # And all else has been looked at.
    assert "ok    module: " in text
