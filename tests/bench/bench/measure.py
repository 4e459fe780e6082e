"""What is measured: figures of a process tree from /proc, and their statistics."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measure:
    """One column of a table.

    Attributes:
        key: Its name in the JSON file.
        title: Its heading.
        decimals: How many digits after the point are worth printing.
        lowest_divisor: Below this a ratio to ours says nothing and is left out.
    """

    key: str
    title: str
    decimals: int
    lowest_divisor: float = 1e-9


RATE = Measure("requests_per_second", "requests/s", 0)
CPU = Measure("cpu_us_per_request", "CPU µs/request", 2)
P50 = Measure("p50_ms", "p50 ms", 2)
P99 = Measure("p99_ms", "p99 ms", 2)
P999 = Measure("p999_ms", "p99.9 ms", 2)
PSS = Measure("pss_mb", "PSS MB", 1)
PEAK = Measure("peak_rss_mb", "peak RSS MB", 1)
SPEED = Measure("mb_per_second", "MB/s", 0)
CPU_PER_TRANSFER = Measure("cpu_ms_per_transfer", "CPU ms/transfer", 0)
GROWTH = Measure("growth_mb", "RSS growth MB", 1, lowest_divisor=1.0)
ALONE = Measure("alone_per_second", "hello/s alone", 0)
BESIDE = Measure("beside_per_second", "hello/s beside", 0)
KEPT = Measure("kept_percent", "kept %", 0)
COMPLETED = Measure("completed", "slow ones done", 0)
FAST = Measure("fast_per_second", "hello/s", 0)
SLOW = Measure("slow_per_second", "sleeping/s", 0)
MOST = Measure("most_per_second", "requests/s at most", 0)
RUN = Measure("run_ms", "ms/request", 2)
FASTEST = Measure("fastest_ms", "fastest ms", 2)
RUN_CPU = Measure("run_cpu_ms", "CPU ms of the program", 2)
RESIDENT = Measure("resident_mb", "RSS MB", 1)
PER_CONNECTION = Measure("connection_kb", "KB/connection", 1)
IDLE_CPU = Measure("idle_ms_per_second", "idle CPU ms/s", 2, lowest_divisor=0.1)


@dataclass
class Sample:
    """The figures of one server in one round.

    Attributes:
        values: Figures by `Measure.key`.
        faults: What went wrong; one fault makes the server's row invalid.
    """

    values: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def put(self, measure: Measure, value: float) -> None:
        """Stores one figure."""
        self.values[measure.key] = value


@dataclass(frozen=True)
class Stat:
    """The fields of /proc/PID/stat that the bench needs, times in seconds."""

    pid: int
    parent: int
    own: float
    reaped: float


def parse_stat(text: str) -> Stat:
    """Parses /proc/PID/stat, whose second field may hold spaces and brackets."""
    pid, _, rest = text.partition(" (")
    fields = rest.rpartition(") ")[2].split()
    user, system, reaped_user, reaped_system = (int(f) for f in fields[11:15])
    return Stat(
        pid=int(pid),
        parent=int(fields[1]),
        own=(user + system) / TICKS_PER_SECOND,
        reaped=(reaped_user + reaped_system) / TICKS_PER_SECOND,
    )


def descendants(stats: Iterable[Stat], root: int) -> list[Stat]:
    """Returns the process `root` and all that descend from it."""
    children: dict[int, list[Stat]] = {}
    found: list[Stat] = []
    for stat in stats:
        children.setdefault(stat.parent, []).append(stat)
        if stat.pid == root:
            found.append(stat)
    for stat in found:  # grows while it is walked
        found.extend(children.get(stat.pid, ()))
    return found


def process_tree(root: int) -> list[Stat]:
    """Reads the process `root` and its living descendants."""
    stats = []
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                stats.append(parse_stat((entry / "stat").read_text()))
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended while we looked
    return descendants(stats, root)


def thread_states(pid: int) -> set[str]:
    """Returns the states (R, S, D, …) in which the threads of a process are."""
    states = set()
    for task in (PROC / str(pid) / "task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            states.add((task / "stat").read_text().rpartition(") ")[2][0])
    return states


def cpu_seconds(tree: Iterable[Stat]) -> float:
    """Sums the time spent by a tree.

    The time of a child that ended is in `reaped` of its parent, so the sum never
    loses a worker that was replaced during the load. (Threads that ended are in
    `own`; /proc/PID/task and schedstat would lose them.)
    """
    return sum(stat.own + stat.reaped for stat in tree)


def parse_kilobytes(text: str, name: str) -> int:
    """Returns the bytes of a `Name:   123 kB` line of status or smaps_rollup.

    Raises:
        KeyError: There is no such line.
    """
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) * 1024
    raise KeyError(name)


def proportional_memory(tree: Iterable[Stat]) -> int:
    """Sums the PSS of a tree: memory shared between workers counts once."""
    return sum(_kilobytes(stat.pid, "smaps_rollup", "Pss") for stat in tree)


def resident_memory(tree: Iterable[Stat]) -> int:
    """Sums the resident memory of a tree as it is now."""
    return sum(_kilobytes(stat.pid, "status", "VmRSS") for stat in tree)


def peak_memory(tree: Iterable[Stat]) -> int:
    """Sums the highest resident memory of each process of a tree."""
    return sum(_kilobytes(stat.pid, "status", "VmHWM") for stat in tree)


def forget_peaks(tree: Iterable[Stat]) -> None:
    """Makes the highest resident memory of each process start from now."""
    for stat in tree:
        (PROC / str(stat.pid) / "clear_refs").write_text("5")


def _kilobytes(pid: int, file: str, name: str) -> int:
    try:
        return parse_kilobytes((PROC / str(pid) / file).read_text(), name)
    except (FileNotFoundError, ProcessLookupError, KeyError):
        return 0  # it ended while we looked, or is a zombie without memory


def medians(samples: Sequence[Sample], measure: Measure) -> float | None:
    """Returns the median of one measure, or None where no sample has it."""
    values = [s.values[measure.key] for s in samples if measure.key in s.values]
    return statistics.median(values) if values else None


def ratio(
    samples: Sequence[Sample], ours: Sequence[Sample], measure: Measure
) -> float | None:
    """Returns the median over rounds of `sample ÷ our sample of that round`.

    The machine's speed drifts between rounds, less within one: pairs taken in one
    round cancel the drift that a quotient of two medians would keep.
    """
    quotients = [
        theirs.values[measure.key] / our.values[measure.key]
        for theirs, our in zip(samples, ours, strict=False)
        if measure.key in theirs.values
        and our.values.get(measure.key, 0.0) >= measure.lowest_divisor
    ]
    return statistics.median(quotients) if quotients else None


def spread(values: Sequence[float]) -> float:
    """Returns highest minus lowest over the median, the noise of a series."""
    return (max(values) - min(values)) / statistics.median(values)
