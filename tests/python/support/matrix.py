"""The matrix case × backend × API, as a file that the runner counts and compares."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Cell(NamedTuple):
    """Where an outcome stands."""

    case: str
    backend: str
    api: str


def write(path: Path, cells: Mapping[Cell, str]) -> None:
    """Writes one line for each cell, sorted."""
    lines = ["\t".join((*cell, outcome)) for cell, outcome in sorted(cells.items())]
    path.write_text("\n".join(["case\tbackend\tapi\toutcome", *lines, ""]))
