"""The matrix case × backend × API: what the suites wrote, shown and judged.

The Python suite writes tab-separated lines, `case backend api outcome`, under such a
heading; an outcome is `pass`, `fail`, `skip` or `excused:` and the capability it rests
on. The Rust suite, which is its own API, writes `MATRIX backend case outcome`, and the
capability behind `excused`.

Beside each suite lies a file `EXCUSED` with lines `backend api number` or `backend
number`: how many cases are excused. More than that, and anything failed or left out,
is an error; so is fewer, lest the number go stale and leave room to grow again.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from machine import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

HEADING = ("case", "backend", "api", "outcome")
RUST = "rust"
RUST_OUTCOMES = {"passed": "pass", "FAILED": "fail", "not run": "skip"}
MARKS = {"pass": "+", "fail": "FAIL", "skip": "SKIP"}


class Column(NamedTuple):
    """A way to run a case."""

    backend: str
    api: str


class Cell(NamedTuple):
    """A case in a column."""

    case: str
    column: Column


def read(files: Iterable[Path]) -> dict[Cell, str]:
    """Reads the outcome of each cell.

    Raises:
        Failure: A line is of no form above, or two disagree.
    """
    cells: dict[Cell, str] = {}
    for file in files:
        for number, line in enumerate(file.read_text().splitlines(), start=1):
            fields = tuple(line.split("\t"))
            if number == 1 and fields == HEADING:
                continue
            row = parse(fields)
            if row is None:
                raise Failure(f"{file.name}:{number}: not a cell: {line!r}")
            cell, outcome = row
            if cells.setdefault(cell, outcome) != outcome:
                raise Failure(f"{file.name}:{number}: {cell.case} is there twice")
    return cells


def parse(fields: tuple[str, ...]) -> tuple[Cell, str] | None:
    """Reads one line; None if it is of neither form."""
    match fields:
        case ("MATRIX", backend, case, "excused", reason) if reason:
            return Cell(case, Column(backend, RUST)), f"excused:{reason}"
        case ("MATRIX", backend, case, outcome) if outcome in RUST_OUTCOMES:
            return Cell(case, Column(backend, RUST)), RUST_OUTCOMES[outcome]
        case (case, backend, api, outcome) if known(outcome):
            return Cell(case, Column(backend, api)), outcome
        case _:
            return None


def known(outcome: str) -> bool:
    """Whether this is an outcome."""
    kind, _, reason = outcome.partition(":")
    return outcome in MARKS or (kind == "excused" and bool(reason))


def read_allowed(files: Iterable[Path], *, full: bool) -> dict[Column, int]:
    """Reads how many cases of each column may be excused.

    A line that begins with `full` is of a column that only full runs have.
    """
    allowed: dict[Column, int] = {}
    for file in files:
        for line in file.read_text().splitlines():
            if line and not line.startswith("#"):
                words = line.split()
                if words[0] == "full":
                    if not full:
                        continue
                    del words[0]
                backend, *api, number = words
                column = Column(backend, *(api or [RUST]))
                allowed[column] = allowed.get(column, 0) + int(number)
    return allowed


def table(cells: Mapping[Cell, str]) -> list[str]:
    """One line for each case, one column for each backend and API.

    Excuses are numbered, and spelled out below.
    """
    columns = sorted({cell.column for cell in cells})
    cases = sorted({cell.case for cell in cells})
    reasons = sorted({reason_of(text) for text in cells.values()} - {""})
    numbers = {reason: f"({n})" for n, reason in enumerate(reasons, start=1)}
    headings = [f"{backend}/{api}" for backend, api in columns]
    width = max((len(case) for case in cases), default=0)
    lines = ["  ".join([" " * width, *headings])]
    for case in cases:
        marks = []
        for column, heading in zip(columns, headings, strict=True):
            outcome = cells.get(Cell(case, column), "")
            reason = reason_of(outcome)
            mark = numbers[reason] if reason else MARKS.get(outcome, "")
            marks.append(mark.ljust(len(heading)))
        lines.append("  ".join([case.ljust(width), *marks]).rstrip())
    lines += [f"{numbers[reason]} excused: {reason}" for reason in reasons]
    return lines


def reason_of(outcome: str) -> str:
    """The capability that excuses an outcome; empty for any other."""
    kind, _, reason = outcome.partition(":")
    return reason if kind == "excused" else ""


def judge(
    cells: Mapping[Cell, str], allowed: Mapping[Column, int]
) -> tuple[list[str], list[str]]:
    """Counts each column; returns the lines that say so, and what is wrong."""
    counts: dict[Column, Counter[str]] = {column: Counter() for column in allowed}
    for cell, outcome in cells.items():
        kind = outcome.partition(":")[0]
        counts.setdefault(cell.column, Counter())[kind] += 1
    lines, faults = [], []
    for column, count in sorted(counts.items()):
        name = f"{column.backend}/{column.api}"
        limit = allowed.get(column, 0)
        lines.append(
            f"{name}: {count['pass']} passed, {count['excused']} excused "
            f"of {limit} allowed, {count['fail'] + count['skip']} unexplained"
        )
        if count["excused"] != limit:
            faults.append(f"{name}: {count['excused']} excused, EXCUSED says {limit}")
    faults += [
        f"{cell.case} on {cell.column.backend}/{cell.column.api}: {outcome}"
        for cell, outcome in sorted(cells.items())
        if outcome in ("fail", "skip")
    ]
    return lines, faults


def check(cells: Mapping[Cell, str], allowed: Iterable[Path], *, full: bool) -> None:
    """Prints the matrix and its counts.

    Raises:
        Failure: A difference is unexplained, or the number of excuses has changed.
    """
    if not cells:
        raise Failure("the suites left no matrix")
    lines, faults = judge(cells, read_allowed(allowed, full=full))
    print(*table(cells), "", *lines, sep="\n", flush=True)
    if faults:
        raise Failure("\n  ".join(["the matrix differs:", *faults]))
