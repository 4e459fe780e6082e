"""An interpreter that every user can run, with the package of this run."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import narthex
from support.server import SUITE

# What no test needs is most of it.
_LEFT_OUT = shutil.ignore_patterns(
    *("__pycache__", "site-packages", "test", "tests", "idlelib", "tkinter"),
    *("ensurepip", "lib2to3", "config-*", "pydoc_data", "turtledemo"),
)


class Interpreter(NamedTuple):
    """A Python in a place of its own.

    Attributes:
        executable: Its program.
        variables: What its environment has to have: where the package is, and where
            its library is now, as the program knows only where it was.
    """

    executable: Path
    variables: dict[str, str]


def copied(folder: Path) -> Interpreter:
    """Copies the interpreter of this run: it may lie in the home of a user.

    A home is closed to others, who then cannot run what is in it.
    """
    version = "python{}.{}".format(*sys.version_info)
    base = Path(sys.base_prefix)
    executable = folder / "bin" / version
    executable.parent.mkdir(parents=True)
    shutil.copy2(Path(sys.executable).resolve(), executable)
    (folder / "lib").mkdir()
    for library in base.glob(f"lib/lib{version}*.so*"):
        shutil.copy2(library, folder / "lib")
    shutil.copytree(base / "lib" / version, folder / "lib" / version, ignore=_LEFT_OUT)
    packages = folder / "packages"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(narthex.__file__).parent, packages / "narthex", ignore=ignore)
    shutil.copytree(SUITE / "support", packages / "support", ignore=ignore)
    variables = {
        "PYTHONPATH": str(packages),
        "LD_LIBRARY_PATH": str(folder / "lib"),
    }
    return Interpreter(executable, variables)
