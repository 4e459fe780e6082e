"""Everything that is wrong, at once."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from .running import run

if TYPE_CHECKING:
    from pathlib import Path


def test_all_is_well(project: Path) -> None:
    ended = run("check", "app", "--bind", "127.0.0.1:0", cwd=project)
    lines = ended.stdout.decode().splitlines()
    assert ended.returncode == 0
    assert all(line.startswith("ok ") for line in lines)
    subjects = {line.split()[1] for line in lines}
    assert {"Python:", "backend:", "address:", "application:", "API:"} <= subjects


def test_everything_at_once(project: Path) -> None:
    (project / "app.py").write_text("import nosuch_library\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = run(
            *("check", "app", "--access-log", "/no/such/log"),
            *("--bind", f"127.0.0.1:{taken.getsockname()[1]}"),
            cwd=project,
            env={"VIRTUAL_ENV": str(project)},
        )
    text = ended.stdout.decode()
    assert ended.returncode == 1
    assert text.count("\nfail  ") == 3
    assert "N201" in text
    assert str(os.getpid()) in text
    assert "N208" in text
    assert "N104" in text
    assert f"{project}/app.py:1" in text
    assert "\nwarn  environment: " in text


def test_checking_leaves_nothing_behind(project: Path) -> None:
    run(
        *("check", "app", "--bind", f"unix:{project}/socket"),
        *("--access-log", str(project / "log")),
        cwd=project,
    )
    assert not (project / "socket").exists()
    assert not (project / "log").exists()
