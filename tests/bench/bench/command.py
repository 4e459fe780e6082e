"""The command: which scenarios and servers, how often, and where results go."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import environment, instructions, report
from .environment import Interpreters, MissingError
from .load import Setting
from .measure import Sample
from .process import ServerError
from .report import Results
from .scenarios import GOALS, SCENARIOS, Scenario
from .server import HERE, Server
from .servers import SERVERS
from .visit import visited

RESULTS = HERE / "RESULTS.md"
GENERATOR_CORE = 1
QUICK_SECONDS, QUICK_ROUNDS = 1.0, 1


@dataclass
class Plan:
    """What is to be measured.

    Attributes:
        scenarios: What is done.
        servers: To whom.
        interpreters: Where they are installed.
        rounds: How often; each round plays all scenarios with all servers.
        seconds: The length of each load.
        pinned: Whether server and load generator get a core each.
    """

    scenarios: Sequence[Scenario]
    servers: Sequence[Server]
    interpreters: Interpreters
    rounds: int
    seconds: float
    pinned: bool

    def play(self) -> list[Results]:
        """Measures everything, round by round, so that drift meets all alike."""
        played = {scenario.name: Results(scenario) for scenario in self.scenarios}
        for number in range(self.rounds):
            for scenario in self.scenarios:
                print(f"round {number + 1}: {scenario.name}", flush=True)
                self._play_scenario(played[scenario.name])
        return list(played.values())

    def _play_scenario(self, results: Results) -> None:
        for server in self.servers:
            if not results.scenario.takes(server):
                continue
            if reason := self.interpreters.why_not(server):
                results.absent[server.name] = reason
                continue
            sample = self._visit(results.scenario, server)
            results.samples.setdefault(server.name, []).append(sample)
            print(f"  {server.name}: {brief(results.scenario, sample)}", flush=True)

    def _visit(self, scenario: Scenario, server: Server) -> Sample:
        """Starts a server, makes sure that it answers right, loads and stops it."""
        pinned = self.pinned or scenario.pinned
        setting = Setting(self.seconds, GENERATOR_CORE if pinned else None)
        try:
            with visited(server, scenario.module, self.interpreters, pinned) as running:
                scenario.load.verify(running)
                return scenario.load.run(running, setting)
        except (ServerError, OSError, ValueError) as error:
            return Sample(faults=[f"{error}"])


def brief(scenario: Scenario, sample: Sample) -> str:
    """Writes a sample in a line, for whoever watches."""
    if sample.faults:
        return "; ".join(sample.faults)
    figures = (
        f"{sample.values[measure.key]:.{measure.decimals}f} {measure.title}"
        for measure in scenario.load.measures
        if measure.key in sample.values
    )
    return ", ".join(figures)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the bench; 0 when every row is valid."""
    options = parser().parse_args(arguments)
    try:
        if options.list:
            print(listing())
            return 0
        if options.instructions:
            return instructions.main(options)
        return compare(options)
    except MissingError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2


def listing() -> str:
    """Writes what can be named by --only and --servers."""
    rows = [["scenario", "what is done"], *([s.name, s.note] for s in SCENARIOS)]
    tables = [*report.aligned(rows, words=2), "", report.servers_table(SERVERS)]
    return "\n".join(tables)


def compare(options: argparse.Namespace) -> int:
    """Plays the scenarios and hands out the results."""
    environment.need_tools(["wrk", "taskset", "openssl", "h2load"])
    environment.allow_descriptors()
    plan = make_plan(options)
    facts = environment.facts(plan.interpreters.peers)
    all_results = plan.play()
    found = report.verdicts(all_results, GOALS)
    for results in all_results:
        print(f"\n{results.scenario.name}: {results.scenario.note}\n")
        print(report.table(results))
    if found:
        print(f"\n{report.goals_table(found)}")
    if options.json:
        settings = {
            "rounds": plan.rounds,
            "seconds": plan.seconds,
            "pinned": plan.pinned,
        }
        collected = report.as_json(all_results, found, settings, facts)
        options.json.write_text(json.dumps(collected, indent=2) + "\n")
    if options.write_results:
        write_results(all_results, found, options, facts)
    return 1 if any(results.failed() for results in all_results) else 0


def make_plan(options: argparse.Namespace) -> Plan:
    """Installs what is needed and turns options into a plan."""
    scenarios = [
        scenario
        for scenario in SCENARIOS
        if (scenario.name in options.only if options.only else True)
        and (scenario.quick or options.only or not options.quick)
    ]
    servers = [
        server
        for server in SERVERS
        if (not options.servers or server.name in options.servers)
        and any(scenario.takes(server) for scenario in scenarios)
    ]
    wanted = {name for server in servers for name in (server.package, *server.needs)}
    environment.need_tools({tool for server in servers for tool in server.tools})
    return Plan(
        scenarios=scenarios,
        servers=servers,
        interpreters=environment.prepare(
            options.python, options.ours, wanted, options.wheel
        ),
        rounds=options.rounds or (QUICK_ROUNDS if options.quick else 5),
        seconds=options.seconds or (QUICK_SECONDS if options.quick else 4.0),
        pinned=options.pin,
    )


def write_results(
    all_results: Sequence[Results],
    found: Sequence[report.Verdict],
    options: argparse.Namespace,
    facts: dict[str, str],
) -> None:
    """Replaces the blocks of the scenarios that were played in RESULTS.md."""
    document = RESULTS.read_text() if RESULTS.exists() else report.RESULTS_HEAD
    for results in all_results:
        name = results.scenario.name
        command = ["tests/bench/run", "--only", name]
        for option in ("servers", "rounds", "seconds"):
            value = getattr(options, option)
            if value:
                text = ",".join(value) if isinstance(value, list) else f"{value:g}"
                command += [f"--{option}", text]
        command += [f"--{flag}" for flag in ("quick", "pin") if getattr(options, flag)]
        title = f"{name} pinned" if options.pin else name
        text = report.block(results, found, title, shlex.join(command), facts)
        document = report.replace_block(document, title, text)
    servers = f"## Servers\n\n{report.servers_table(SERVERS)}"
    RESULTS.write_text(report.replace_block(document, "servers", servers))


def _names(known: Sequence[str]) -> type[list[str]]:
    """Makes the type of an option that takes names with commas between."""

    class Names(list[str]):
        def __init__(self, text: str) -> None:
            super().__init__(text.split(","))
            unknown = [name for name in self if name not in known]
            if unknown:
                raise argparse.ArgumentTypeError(
                    f"{', '.join(unknown)} unknown; there are {', '.join(known)}"
                )

    return Names


def _new_file(text: str) -> Path:
    """The type of an option that names a file to write, before hours of work."""
    path = Path(text)
    if not path.absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"{path.parent} is not a directory")
    return path


def parser() -> argparse.ArgumentParser:
    """Describes the command line."""
    made = argparse.ArgumentParser(
        prog="tests/bench/run",
        description="Measure our server beside its peers, in interleaved rounds.",
    )
    made.add_argument(
        "--list", action="store_true", help="name the scenarios and the servers"
    )
    made.add_argument(
        "--only",
        type=_names([scenario.name for scenario in SCENARIOS]),
        metavar="SCENARIO[,…]",
        help="play these scenarios only",
    )
    made.add_argument(
        "--servers",
        type=_names([server.name for server in SERVERS]),
        metavar="SERVER[,…]",
        help="with these servers only",
    )
    made.add_argument("--rounds", type=int, help="default 5")
    made.add_argument("--seconds", type=float, help="of each load, default 4")
    made.add_argument("--quick", action="store_true", help="one round of short loads")
    made.add_argument(
        "--pin", action="store_true", help="server on core 0, load generator on core 1"
    )
    made.add_argument(
        "--json", type=_new_file, metavar="FILE", help="write all figures"
    )
    made.add_argument(
        "--write-results", action="store_true", help="write the tables to RESULTS.md"
    )
    made.add_argument(
        "--python",
        type=Path,
        default=environment.DEFAULT_PYTHON,
        help="interpreter for the peers, and for ours unless --ours is given",
    )
    made.add_argument(
        "--ours",
        type=Path,
        default=environment.ours_by_default(),
        metavar="PYTHON",
        help="interpreter or environment that has our package already, instead of"
        " a build of this checkout (also NARTHEX_PYTHON)",
    )
    made.add_argument(
        "--wheel",
        type=Path,
        metavar="FILE",
        help="what was built of this checkout, unless for another Python",
    )
    made.add_argument(
        "--instructions",
        action="store_true",
        help="count our instructions per request under callgrind instead",
    )
    made.add_argument(
        "--check",
        action="store_true",
        help="with --instructions: compare with instructions.txt, do not write it",
    )
    made.add_argument(
        "--parts",
        action="store_true",
        help="with --instructions: show which part executes them, do not write them",
    )
    made.add_argument(
        "--case",
        choices=[case.name for case in instructions.CASES],
        help="with --instructions: count this one only, which records nothing",
    )
    return made
