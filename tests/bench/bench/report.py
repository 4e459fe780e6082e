"""The results: a table for people, JSON for programs, and RESULTS.md for the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .measure import Measure, Sample, medians, ratio
from .scenarios import Goal, Scenario
from .server import Server

JsonValue = object

RESULTS_HEAD = """\
# Results of the bench

Each block is written by `tests/bench/run --write-results`, which replaces the block
of the same name; above each stands the command that gives it again, below it the
machine it was measured on. What the figures mean is in [README.md](README.md). A
number in brackets is the median over the rounds of that figure divided by ours
(the row marked `*`) in the same round. **Compare rows of one table only**: the
machine's own speed differs between runs.
"""


@dataclass
class Results:
    """The samples of one scenario.

    Attributes:
        scenario: What was done.
        samples: By server, one for each round.
        absent: Why a server that should have taken part did not, by its name.
    """

    scenario: Scenario
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    def valid(self) -> dict[str, list[Sample]]:
        """Returns the samples of the servers that had no fault in any round."""
        return {
            name: samples
            for name, samples in self.samples.items()
            if samples and not any(sample.faults for sample in samples)
        }

    def faults(self, server: str) -> list[str]:
        """Returns what went wrong with a server, each thing once."""
        seen = [fault for sample in self.samples[server] for fault in sample.faults]
        return list(dict.fromkeys(seen))

    def failed(self) -> bool:
        """Tells whether a server of the table has no valid row."""
        return bool(self.absent) or len(self.valid()) < len(self.samples)


def cell(measure: Measure, value: float | None, quotient: float | None) -> str:
    """Writes a figure, and its ratio to ours in brackets."""
    if value is None:
        return "–"
    text = f"{value:.{measure.decimals}f}"
    return text if quotient is None else f"{text} ({quotient:.2f})"


def table(results: Results) -> str:
    """Writes the table of a scenario, in Markdown that is also good to read as is."""
    scenario = results.scenario
    valid = results.valid()
    ours = valid.get(scenario.ours, [])
    measures = scenario.load.measures
    rows = [["server", *(measure.title for measure in measures)]]
    notes = []
    for name, samples in results.samples.items():
        mark = " *" if name == scenario.ours else ""
        if name not in valid:
            rows.append([name + mark, *("invalid" for _ in measures)])
            notes.append(f"{name}: {'; '.join(results.faults(name))}")
            continue
        cells = [
            cell(
                measure,
                medians(samples, measure),
                None if mark else ratio(samples, ours, measure),
            )
            for measure in measures
        ]
        rows.append([name + mark, *cells])
    for name, reason in results.absent.items():
        rows.append([name, *("absent" for _ in measures)])
        notes.append(f"{name}: {reason}")
    lines = aligned(rows)
    if notes:
        lines += ["", *(f"- {note}" for note in notes)]
    return "\n".join(lines)


def aligned(rows: Sequence[Sequence[str]], words: int = 1) -> list[str]:
    """Writes rows as a Markdown table; the first `words` columns are not numbers."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            text.ljust(width) if index < words else text.rjust(width)
            for index, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("| " + " | ".join(cells) + " |")
    rules = [
        "-" * width if index < words else "-" * (width - 1) + ":"
        for index, width in enumerate(widths)
    ]
    lines.insert(1, "| " + " | ".join(rules) + " |")
    return lines


@dataclass(frozen=True)
class Verdict:
    """What became of a goal: its figure, or None where it could not be read."""

    goal: Goal
    figure: float | None

    @property
    def word(self) -> str:
        """The verdict in a word."""
        if self.figure is None:
            return "not measured"
        return "met" if self.goal.holds(self.figure, self.goal.bound) else "missed"


def verdicts(all_results: Sequence[Results], goals: Sequence[Goal]) -> list[Verdict]:
    """Reads each goal whose scenario was played."""
    played = {results.scenario.name: results.valid() for results in all_results}
    return [
        Verdict(goal, goal.figure(played[goal.scenario]))
        for goal in goals
        if goal.scenario in played
    ]


def goals_table(found: Sequence[Verdict]) -> str:
    """Writes the goals and what became of them."""
    rows = [["goal", "scenario", "measured", "verdict"]]
    for verdict in found:
        figure = "–" if verdict.figure is None else f"{verdict.figure:.2f}"
        rows.append([verdict.goal.text, verdict.goal.scenario, figure, verdict.word])
    return "\n".join(aligned(rows, words=4))


def as_json(
    all_results: Sequence[Results],
    found: Sequence[Verdict],
    settings: Mapping[str, JsonValue],
    facts: Mapping[str, str],
) -> dict[str, JsonValue]:
    """Collects everything that was measured."""
    return {
        "settings": dict(settings),
        "machine": dict(facts),
        "scenarios": [_scenario_as_json(results) for results in all_results],
        "goals": [
            {
                "scenario": verdict.goal.scenario,
                "goal": verdict.goal.text,
                "measured": verdict.figure,
                "verdict": verdict.word,
            }
            for verdict in found
        ],
    }


def _scenario_as_json(results: Results) -> dict[str, JsonValue]:
    measures = results.scenario.load.measures
    ours = results.valid().get(results.scenario.ours, [])
    return {
        "scenario": results.scenario.name,
        "ours": results.scenario.ours,
        "servers": {
            name: {
                "median": {m.key: medians(samples, m) for m in measures},
                "ratio": {m.key: ratio(samples, ours, m) for m in measures},
                "rounds": [sample.values for sample in samples],
                "faults": results.faults(name),
            }
            for name, samples in results.samples.items()
        },
        "absent": dict(results.absent),
    }


def servers_table(servers: Sequence[Server]) -> str:
    """Writes what the names of the servers mean."""
    rows = [["server", "settings", "command"]]
    for server in servers:
        command = " ".join(server.command)
        if server.script is not None:
            command += f", where program is {server.script.source}"
            command += f" behind #!{server.script.interpreter}"
        note = server.note
        if server.front:
            note += f"; nginx has pass/{server.front}.conf"
        rows.append([server.name, note, f"`{command}`"])
    return "\n".join(aligned(rows, words=3))


def block(
    results: Results,
    found: Sequence[Verdict],
    title: str,
    command: str,
    facts: Mapping[str, str],
) -> str:
    """Writes what RESULTS.md says about a scenario."""
    own = [v for v in found if v.goal.scenario == results.scenario.name]
    rounds = max((len(samples) for samples in results.samples.values()), default=0)
    parts = [
        f"## {title}",
        f"{results.scenario.note[0].upper()}{results.scenario.note[1:]}."
        f" Medians of {rounds} rounds.",
        f"```sh\n{command}\n```",
        table(results),
        *([goals_table(own)] if own else []),
        "; ".join(f"{name}: {value}" for name, value in facts.items()) + ".",
    ]
    return "\n\n".join(parts)


def replace_block(document: str, name: str, text: str) -> str:
    """Replaces the marked block `name` of a document, or appends it."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    marked = f"{begin}\n{text}\n{end}\n"
    before, found, rest = document.partition(f"{begin}\n")
    if not found:
        return f"{document.rstrip()}\n\n{marked}"
    _, found, after = rest.partition(f"{end}\n")
    if not found:
        raise ValueError(f"block {name} begins and does not end")
    return before + marked + after
