"""What lies in the package for httpd: its module, and the broker."""

from __future__ import annotations

import os
import sys

from narthex._init.problems import fail

_FOLDER = os.path.join(os.path.dirname(os.path.dirname(__file__)), "_native")


def module() -> str:
    """The path of the module that `LoadModule` wants.

    Raises:
        StartError: It is not there.
    """
    return _present("mod_narthex.so", os.R_OK)


def broker() -> str:
    """The path of the program that starts the processes of groups.

    Raises:
        StartError: It is not there.
    """
    return _present("narthex-broker", os.X_OK)


def is_in(prefix: str) -> bool:
    """Whether the package lies in an environment, rather than elsewhere for editing."""
    folder, prefix = os.path.realpath(_FOLDER), os.path.realpath(prefix)
    return folder.startswith(os.path.join(prefix, ""))


def _present(name: str, mode: int) -> str:
    path = os.path.abspath(os.path.join(_FOLDER, name))
    if not os.access(path, mode):
        fail(
            "N330",
            f"{name} is not in this installation",
            (f"There is no file {path} that can be used.",),
            (f"{sys.executable} -m pip install --force-reinstall narthex",),
        )
    return path
