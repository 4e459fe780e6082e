"""From nothing to a page: the wheel, on a machine without a compiler."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import venv
from pathlib import Path

import pytest

from command.running import PATIENCE, environment, get
from support.fronts.httpd import Httpd, not_as_root
from support.fronts.program import find_program

from .httpd import FREE

COMPILERS = ("cc", "gcc", "clang", "ld", "cargo", "rustc", "apxs", "apxs2")


@pytest.fixture
def bare(project: Path) -> dict[str, str]:
    """The environment of a machine that has httpd, and nothing to build with."""
    programs = project / "programs"
    programs.mkdir()
    for name in ("apache2", "env", "sh", "unshare"):
        (programs / name).symlink_to(find_program(name))
    assert not any(shutil.which(name, path=str(programs)) for name in COMPILERS)
    kept = {k: v for k, v in environment().items() if not k.startswith("PYTHON")}
    return {**kept, "PATH": str(programs)}


@pytest.mark.full
def test_the_wheel_serves_a_page(project: Path, bare: dict[str, str]) -> None:
    wheel = os.environ.get("NARTHEX_WHEEL")
    assert wheel, "NARTHEX_WHEEL names no wheel: tests/run does"
    inside = project / "venv"
    venv.create(inside, with_pip=True, symlinks=True)
    done = subprocess.run(
        [inside / "bin/python", "-m", "pip", "install", "--no-index", wheel],
        env=bare,
        capture_output=True,
        text=True,
        timeout=PATIENCE * 5,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    one_command(project, inside / "bin/narthex", bare)
    two_lines(project, inside / "bin/narthex", bare)


def one_command(project: Path, narthex: Path, bare: dict[str, str]) -> None:
    """`narthex apache serve`, in a group and inline."""
    for process in ([], ["--inline"]):
        words = ["apache", "serve", "shop.py", *FREE, *process]
        with subprocess.Popen(
            [*not_as_root(), narthex, *words],
            cwd=project,
            env=bare,
            stderr=subprocess.PIPE,
            text=True,
        ) as server:
            assert server.stderr is not None
            said = []
            try:
                for line in server.stderr:
                    said.append(line)
                    if found := re.search(r"listening on http://.*:(\d+)$", line):
                        break
                else:
                    pytest.fail("".join(said))
                assert get(int(found[1]), "/x").body.startswith(b"|/x|-|")
            finally:
                server.terminate()
                server.communicate(timeout=PATIENCE)
            assert server.returncode == 0


def two_lines(project: Path, narthex: Path, bare: dict[str, str]) -> None:
    """LoadModule and NarthexApp, and nothing else, in somebody's httpd."""
    module = subprocess.run(
        [narthex, "apache", "module-path"],
        env=bare,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert Path(module).is_relative_to(project)
    lines = (
        f'LoadModule narthex_module "{module}"\nNarthexApp "{project}/shop.py:app"\n'
    )
    with Httpd(project, lines, []) as httpd:
        assert get(httpd.port, "/x").body.startswith(b"|/x|-|")
