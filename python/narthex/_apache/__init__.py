"""``narthex apache``: the module of Apache httpd, and configuration for it."""

from __future__ import annotations

import sys
from typing import NamedTuple

from narthex._apache import native


class Place(NamedTuple):
    """An application and its place in httpd; paths as they were written."""

    app: str
    mount: str = ""
    venv: str | None = None
    api: str | None = None
    app_dir: str | None = None
    options: list[tuple[str, str]] = []  # noqa: RUF012
    check: bool = True
    debug: bool = False
    inline: bool = False
    group: str | None = None
    settings: list[tuple[str, str]] = []  # noqa: RUF012
    user: str | None = None


class Private(NamedTuple):
    """An httpd of one's own."""

    bind: list[str] = ["127.0.0.1:8000"]  # noqa: RUF012
    mpm: str | None = None
    httpd: str | None = None
    user: str | None = None
    access_log: str | None = None
    include: str | None = None


class Checked(NamedTuple):
    """What is to be looked at."""

    httpd: str | None = None
    file: str | None = None
    venv: str | None = None
    user: str | None = None
    inline: bool = False


def module_path() -> int:
    """Prints where the module lies; returns the exit status.

    Raises:
        StartError: It is not there.
    """
    _say(native.module() + "\n")
    return 0


def config(place: Place) -> int:
    """Prints configuration for an application; returns the exit status.

    Raises:
        StartError: It would not work.
    """
    from narthex._apache.fragment import Fragment

    _say(Fragment(place).text())
    return 0


def serve(place: Place, private: Private) -> int:
    """Serves an application by an httpd of its own; returns the exit status.

    Raises:
        StartError: It cannot be started.
    """
    from narthex._apache.private import run

    return run(place, private)


def run(app: str, given: list[tuple[str, list[str]]]) -> int:
    """The same, with the options of `narthex run`; returns the exit status.

    Args:
        app: The application.
        given: The options that were given, by name, with their values.

    Raises:
        StartError: It cannot be started.
    """
    from narthex._apache.translation import understood

    return serve(*understood(app, given))


def check(checked: Checked) -> int:
    """Prints everything that is wrong; returns the exit status."""
    from narthex._apache.checks import findings

    found = findings(checked)
    _say("".join(found.lines))
    return 1 if found.failed else 0


def _say(text: str) -> None:
    # Names of files need not be UTF-8.
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()
