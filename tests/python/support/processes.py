"""Processes as the system sees them: their children, memory and descriptors."""

from __future__ import annotations

import re
from pathlib import Path


def children(process: int) -> list[int]:
    """The children of a process, in the order in which they were started."""
    # Of any of its threads.
    lists = map(_text, Path(f"/proc/{process}/task").glob("*/children"))
    return sorted(int(number) for line in lists for number in line.split())


def descendants(process: int) -> list[int]:
    """The children of a process, theirs, and so on."""
    found = children(process)
    return found + [below for child in found for below in descendants(child)]


def command_line(process: int) -> list[str]:
    """What a process was started with; nothing if it has gone."""
    return _text(Path(f"/proc/{process}/cmdline")).split("\0")[:-1]


def resident(process: int) -> int:
    """The bytes that a process has in memory."""
    status = _text(Path(f"/proc/{process}/status"))
    found = re.search(r"VmRSS:\s+([0-9]+) kB", status)
    assert found, f"{process} has ended"
    return int(found[1]) * 1024


def descriptors(process: int) -> list[str]:
    """What a process has open."""
    return [
        str(entry.readlink())
        for entry in Path(f"/proc/{process}/fd").iterdir()
        if entry.is_symlink()
    ]


def _text(file: Path) -> str:
    """What a file of the system holds; nothing when its process has gone."""
    try:
        return file.read_text()
    except OSError:
        return ""
