"""Files made from templates."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

_TEMPLATES = Path(__file__).parent / "templates"
_PLACE = re.compile(r"\{\{(\w+)\}\}")


class File(NamedTuple):
    """A file to be written."""

    name: str
    text: str
    executable: bool = False


class Plan(NamedTuple):
    """What is written, and what is said about it."""

    files: list[File]
    steps: list[str]
    warnings: list[str] = []  # noqa: RUF012


def filled(template: str, values: dict[str, str]) -> str:
    """A template with its places filled in.

    A place that has a line to itself may take several lines, or none: then the line
    goes, and the empty one before it.
    """
    lines: list[str] = []
    for line in (_TEMPLATES / template).read_text().splitlines():
        alone = _PLACE.fullmatch(line.strip())
        if alone is None:
            lines.append(_PLACE.sub(lambda place: values[place[1]], line))
            continue
        indent = line[: len(line) - len(line.lstrip())]
        block = values[alone[1]].splitlines()
        if not block and lines and not lines[-1]:
            lines.pop()
        lines += [(indent + text).rstrip() for text in block]
    return "\n".join(lines) + "\n"
