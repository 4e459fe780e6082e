"""What another user may read."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from typing import NamedTuple

from narthex._init.problems import fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Whom httpd runs as, by the name that each system has for him.
_USUAL = ("www-data", "apache", "http", "httpd", "www", "_www", "nobody", "daemon")


class User(NamedTuple):
    """A user and his groups."""

    name: str
    uid: int
    groups: frozenset[int]


def user(name: str) -> User:
    """The user of this name, or of the number after a `#`.

    Raises:
        StartError: There is none.
    """
    try:
        number = name[1:] if name.startswith("#") else name
        found = pwd.getpwuid(int(number)) if number.isdigit() else pwd.getpwnam(name)
    except KeyError:
        fail(
            "N333",
            f"there is no user {name}",
            (),
            (f"useradd --system {name}", "name another one with --user NAME"),
        )
    groups = os.getgrouplist(found.pw_name, found.pw_gid)
    return User(found.pw_name, found.pw_uid, frozenset(groups))


def group(name: str) -> None:
    """Refuses a group that there is not.

    Raises:
        StartError: There is none of this name.
    """
    try:
        grp.getgrnam(name)
    except KeyError:
        fail(
            "N333",
            f"there is no group {name}",
            (),
            ("name another one with --user USER:GROUP",),
        )


def usual() -> User:
    """The user that httpd serves as on this system.

    Raises:
        StartError: It has no such user.
    """
    for name in _USUAL:
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return user(name)
    fail(
        "N333",
        "httpd never serves as root, and there is no other user for it",
        (f"Looked for: {', '.join(_USUAL)}.",),
        ("useradd --system www-data", "name another one with --user NAME"),
    )


def barriers(reader: User, paths: Iterable[str]) -> list[tuple[str, str]]:
    """What keeps a user from these files: paths, each with the chmod that opens it."""
    found: dict[str, str] = {}
    for path in paths:
        for step, last in _steps(path):
            try:
                status = os.stat(step)
            except OSError:
                break  # missing, or hidden from us as well
            is_directory = stat.S_ISDIR(status.st_mode)
            wanted = "rx" if is_directory and last else "x" if is_directory else "r"
            missing = [mark for mark in wanted if not _may(reader, status, mark)]
            if missing:
                found.setdefault(step, f"chmod o+{''.join(missing)} {step}")
    return list(found.items())


def _steps(path: str) -> Iterator[tuple[str, bool]]:
    """The directories to a path from the root on, and itself, marked as the last."""
    path = os.path.abspath(path)
    step = os.sep
    for part in path.split(os.sep)[1:]:
        yield step, False
        step = os.path.join(step, part)
    yield step, True


def _may(reader: User, status: os.stat_result, mark: str) -> bool:
    """Whether the bits for others, or for his group, or for himself let him."""
    if reader.uid == 0:
        return True
    bit = {"r": 4, "x": 1}[mark]
    if status.st_uid == reader.uid:
        bit <<= 6
    elif status.st_gid in reader.groups:
        bit <<= 3
    return bool(status.st_mode & bit)
