"""What a Python is like, as it says itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import NamedTuple, NoReturn

from narthex._init.problems import fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# Told by the interpreter that is asked, which may have no narthex.
_QUESTION = """
import json, os, sys, sysconfig
sys.path[:] = filter(None, sys.path)  # not the current directory
try:
    from narthex import _narthex
    narthex, engine = _narthex.__version__, _narthex.__file__
except ImportError as error:
    narthex, engine = None, str(error)
name = f"libpython{sysconfig.get_config_var('LDVERSION')}.so.1.0"
folders = [os.path.join(sys.base_prefix, "lib"), sysconfig.get_config_var("LIBDIR")]
paths = [os.path.join(folder, name) for folder in filter(None, folders)]
print(json.dumps({
    "version": sys.version.split()[0],
    "executable": sys.executable,
    "prefix": sys.prefix,
    "base": sys.base_prefix,
    "library": next(filter(os.path.exists, paths), None),
    "narthex": narthex,
    "engine": engine,
}))
"""
_PATIENCE = 60


class Environment(NamedTuple):
    """A Python, and what is installed for it.

    Attributes:
        version: Python's version.
        executable: Its interpreter.
        prefix: The directory of the environment.
        base: The directory of the installation that the environment is one of.
        library: Its shared library, by which httpd can run it; None if it has none.
        narthex: The version of Narthex; None where it cannot be imported.
        engine: The file of its engine, or why there is none.
        variables: What it is run with.
    """

    version: str
    executable: str
    prefix: str
    base: str
    library: str | None
    narthex: str | None
    engine: str
    variables: dict[str, str]

    @property
    def files(self) -> list[str]:
        """What a process must be able to read that is to run this Python."""
        libraries = [self.library] if self.library else []
        engine = [self.engine] if self.narthex else []
        real = os.path.realpath(self.executable)
        return [self.executable, real, self.prefix, self.base, *libraries, *engine]

    def run(
        self, arguments: Sequence[str], directory: str
    ) -> subprocess.CompletedProcess[str]:
        """Runs the command `narthex` there, to its end."""
        return subprocess.run(
            [self.executable, "-m", "narthex", *arguments],
            cwd=directory,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            errors="surrogateescape",
            check=False,
        )


def at(path: str | None, given: Sequence[str] = ()) -> Environment:
    """The environment of this directory or interpreter; None is our own.

    Args:
        path: What names it.
        given: The variables that its processes will have, as `NAME=value`.

    Raises:
        StartError: It is none.
    """
    interpreter = sys.executable if path is None else _interpreter(path)
    variables = dict(os.environ)
    if path is not None:
        # What we have for our own Python is not for another.
        variables = {k: v for k, v in variables.items() if not k.startswith("PYTHON")}
    variables.update((name, value) for name, _, value in map(_parted, given))
    try:
        asked = subprocess.run(
            [interpreter, "-c", _QUESTION],
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=True,
        )
        return Environment(**json.loads(asked.stdout), variables=variables)
    except subprocess.CalledProcessError as error:
        _no_python(interpreter, error.stderr.splitlines()[-3:])
    except (OSError, ValueError, TypeError, subprocess.TimeoutExpired) as error:
        _no_python(interpreter, [str(error)])


def _parted(variable: str) -> tuple[str, str, str]:
    return variable.partition("=")


def _interpreter(path: str) -> str:
    """The interpreter that is meant: links are kept, they make the environment."""
    path = os.path.abspath(path)
    if not os.path.isdir(path):
        return path
    for name in ("python", "python3"):
        inside = os.path.join(path, "bin", name)
        if os.access(inside, os.X_OK):
            return inside
    fail(
        "N332",
        f"{path} is no virtual environment",
        ("It has no bin/python.",),
        (f"{sys.executable} -m venv {path}", "name another one with --venv DIR"),
    )


def _no_python(interpreter: str, said: list[str]) -> NoReturn:
    fail(
        "N332",
        f"{interpreter} is no Python that runs here",
        said,
        ("name an environment, or an interpreter, with --venv",),
    )
