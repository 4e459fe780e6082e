"""Who processes run as, and what they can reach."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .asking import OVERLOADED, get
from .brokered import How, Refused, who

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Starter

Settings = dict[str, Any]

CHILDREN = 65534
"""A user without rights, as httpd's children are."""

SHOP = "daemon"
"""Another one."""

FAKE = """\
#!{python} -I
import json, os, signal, socket, struct, sys

link = int(sys.argv[sys.argv.index("--child-link") + 1])
os.write(link, b"ready")
listener = socket.socket(fileno=os.dup(0))
told = {{
    "ids": os.getresuid() + os.getresgid(),
    "groups": sorted(os.getgroups()),
    "directory": os.getcwd(),
    "umask": os.umask(0),
    "environment": dict(os.environ),
    "descriptors": len(os.listdir("/proc/self/fd")),
    "words": sys.argv[1:],
}}
while True:
    client, _ = listener.accept()
    client.recv(65536)
    page = b"Status: 200\\r\\n\\r\\n" + json.dumps(told).encode()
    client.sendall(struct.pack("!BBHHBx", 1, 6, 1, len(page), 0) + page)
    client.sendall(struct.pack("!BBHHBx8x", 1, 3, 1, 8, 0))
    client.close()
"""
"""An interpreter that tells what it is, and cannot do anything else."""

CLIENT = """\
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
client.sendall(sys.argv[2].encode())
client.shutdown(socket.SHUT_WR)
print(client.makefile().read(), end="")
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become others")


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that everybody can enter, with an interpreter in it."""
    folder = Path(tempfile.mkdtemp(prefix="nxp-"))
    folder.chmod(0o755)
    python = folder / "bin" / "python3"
    python.parent.mkdir()
    python.write_text(FAKE.format(python=_system_python()))
    python.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def _system_python() -> str:
    """A Python that everybody can start."""
    found = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    assert found, "no python3 that everybody can start"
    return found


def _ask_as(user: int, control: str, question: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [_system_python(), "-c", CLIENT, control, question],
        user=user,
        group=user,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def _told(path: str) -> Any:
    answer = get(path)
    assert answer.status == 200, answer
    return json.loads(answer.body)


@as_root
def test_processes_become_the_user_of_their_group(start: Starter, place: Path) -> None:
    entry = pwd.getpwnam(SHOP)
    settings = {"python": place, "user": SHOP, "umask": "077", "env": "A=b"}
    broker = start({"shop": settings}, How(privileged=True, run_as=str(CHILDREN)))
    told = _told(broker.open("shop", "--mount", "/x", "app.py"))
    assert told["ids"] == [entry.pw_uid] * 3 + [entry.pw_gid] * 3
    assert told["groups"] == sorted(os.getgrouplist(SHOP, entry.pw_gid))
    assert told["umask"] == 0o077
    assert told["directory"] == entry.pw_dir
    environment = told["environment"]
    assert environment.pop("LC_CTYPE", "") in {"", "C.UTF-8"}
    assert environment == {
        "A": "b",
        "HOME": entry.pw_dir,
        "LANG": "C.UTF-8",
        "LOGNAME": SHOP,
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "USER": SHOP,
    }
    # Three standard ones, the link, the listener once more, and the listing itself.
    assert told["descriptors"] == 6
    assert told["words"][:3] == ["-m", "narthex", "fastcgi"]
    assert told["words"][-3:] == ["--mount", "/x", "app.py"]


@as_root
def test_without_a_user_it_is_that_of_httpds_children(
    start: Starter, place: Path
) -> None:
    how = How(privileged=True, run_as=str(CHILDREN))
    broker = start({"shop": {"python": place, "chdir": place}}, how)
    told = _told(broker.open("shop", "app.py"))
    assert told["ids"] == [CHILDREN] * 6
    assert told["directory"] == str(place)


@as_root
def test_children_may_open_and_nothing_else(start: Starter, place: Path) -> None:
    how = How(privileged=True, run_as=str(CHILDREN))
    broker = start({"shop": {"python": place}}, how)
    opened = _ask_as(CHILDREN, broker.control, "open shop app.py\n")
    path = Path(opened.stdout.split()[1])
    for socket in (path, Path(broker.control)):
        found = socket.stat()
        assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (CHILDREN, 0o600)
    found = path.parent.stat()
    # They could put another socket there if the directory were theirs.
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (0, 0o711)
    definition = "define\n" + broker.definition({"shop": {"python": "/usr"}})
    refused = _ask_as(CHILDREN, broker.control, definition)
    assert refused.stdout.startswith("refused only\\x20the\\x20user")
    stranger = _ask_as(2, broker.control, "open shop app.py\n")
    assert "PermissionError" in stranger.stderr


@as_root
def test_what_cannot_be_is_told(start: Starter, place: Path) -> None:
    private = place / "private"
    shutil.copytree(place / "bin", private / "bin")
    private.chmod(0o700)
    groups: dict[str, Settings] = {
        "root": {"python": place, "user": "root"},
        "nobody": {"python": place, "user": "nobody-at-all"},
        "private": {"python": private, "user": SHOP},
        "place": {"python": place, "user": SHOP, "chdir": private},
        "good": {"python": place, "user": SHOP},
    }
    broker = start(groups, How(privileged=True, run_as=str(CHILDREN)))
    with pytest.raises(Refused, match="group root: it would run as root"):
        broker.open("root", "app.py")
    with pytest.raises(Refused, match="there is no user nobody-at-all"):
        broker.open("nobody", "app.py")
    answer = get(broker.open("private", "app.py"))
    assert (answer.status, answer.protocol) == (0, OVERLOADED)
    assert f"cannot enter {private}: chmod a+x {private}".encode() in answer.errors
    answer = get(broker.open("place", "app.py"))
    assert f"cannot enter chdir={private}".encode() in answer.errors
    assert _told(broker.open("good", "app.py"))


def test_who_is_not_root_becomes_nobody_else(
    start: Starter, shop: Settings, app: str
) -> None:
    groups = {
        "other": {**shop, "user": "root"},
        "group": {**shop, "group": "root"},
        "shop": shop,
    }
    broker = start(groups)
    with pytest.raises(Refused, match="only root can give it the group root"):
        broker.open("group", app)
    with pytest.raises(Refused, match="which only root can start"):
        broker.open("other", app)
    broker.log.wait_for("N321: group other: it is to run as root")
    assert who(broker.open("shop", app))
