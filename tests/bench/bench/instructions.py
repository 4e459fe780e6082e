"""Instructions per request in user space, which do not depend on the machine's load.

A server runs under callgrind and answers a deterministic client on one connection,
once a long and once a short series in the same time; the difference is free of start
and stop, and of what the server does now and then without being asked.
"""

from __future__ import annotations

import argparse
import configparser
import os
import platform
import re
import socket
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from . import environment, fastcgi, parts
from .client import (
    BROWSER_HEADERS,
    TIMEOUT,
    AnswerError,
    Headers,
    connect,
    request_bytes,
)
from .environment import Interpreters, MissingError
from .load import HELLO
from .measure import spread, thread_states
from .process import Running, connected, free_port, started
from .server import APPLICATIONS, HERE, OURS, Server, socket_of
from .servers import SERVERS

RECORD = HERE / "instructions.txt"
SHORT, LONG = 500, 2_500
TOLERANCE = 0.03
NOISE = 0.005
REPEATS = 5
VALGRIND_PATIENCE = 10.0
# What else would depend on how long things take, and everything does under valgrind.
SETTINGS = {
    "PYTHONHASHSEED": "0",
    # Else calls that seem to block change where the next ones are made.
    "NARTHEX_PLACEMENT": "inline",
    # Else freed memory goes back to the system some time later.
    "MIMALLOC_PURGE_DELAY": "-1",
}

RECORD_HEAD = """\
# User-space instructions per request, counted by callgrind: the difference of
# {long} and {short} requests on one kept connection in the same time, one thread,
# --placement inline, PYTHONHASHSEED=0.
# Written by tests/bench/instructions, compared by tests/bench/instructions --check.
# The counts depend on what [made with] names, hardly on the processor: only as far
# as libc chooses its memory and string functions by what the processor offers.
"""


@dataclass(frozen=True)
class Case:
    """A kind of request.

    Attributes:
        name: Its name in the record.
        server: The server of ours that answers it.
        headers: Sent besides Host.
        pipeline: Requests sent in one write.
        gateway: Whether they are FastCGI's, as nginx would send those of many clients
            over one connection.
    """

    name: str
    server: str = "narthex"
    headers: Headers = ()
    pipeline: int = 1
    gateway: bool = False

    def requests(self) -> Sequence[bytes]:
        """Writes those that are sent in turn."""
        if not self.gateway:
            return (request_bytes("/", self.headers) * self.pipeline,)
        return [
            fastcgi.request({**fastcgi.NGINX, "REMOTE_PORT": str(port)})
            for port in range(40_000, 40_032)
        ]

    @property
    def ending(self) -> bytes:
        """What an answer ends with."""
        return fastcgi.END if self.gateway else HELLO


CASES = (
    Case("hello"),
    Case("browser", headers=BROWSER_HEADERS),
    Case("native", server="narthex-native"),
    Case("pipelined", pipeline=16),
    Case("fastcgi", server="narthex-fastcgi", gateway=True),
)


def main(options: argparse.Namespace) -> int:
    """Counts, and records or compares; 0 when nothing got worse."""
    environment.need_tools(["valgrind"])
    if options.check and not _same_tools(options):
        return 1 if os.environ.get("CI") == "true" else 0
    others = [s for s in SERVERS if options.servers and s.name in options.servers]
    wanted = {server.package for server in others} or {OURS}
    interpreters = environment.prepare(
        options.python, options.ours, wanted, options.wheel
    )
    if others:
        return _print_others(others, interpreters)
    cases = [case for case in CASES if case.name == (options.case or case.name)]
    if options.parts:
        return _print_parts(interpreters, cases)
    counts = _count_ours(interpreters, cases)
    if options.check:
        return compare(parse_record(RECORD.read_text()).counts, counts)
    if len(cases) < len(CASES):
        return 0
    RECORD.write_text(format_record(Record(_tools(options), counts)))
    print(f"written to {RECORD}")
    return 0


def _count_ours(interpreters: Interpreters, cases: Sequence[Case]) -> dict[str, int]:
    """Counts cases until two counts agree; the lower one, as disturbances add.

    Raises:
        MissingError: No two of them did, so they say nothing.
    """
    servers = {server.name: server for server in SERVERS}
    counts = {}
    for case in cases:
        found: list[float] = []
        while len(found) < 2 or (
            spread(sorted(found)[:2]) > NOISE and len(found) < REPEATS
        ):
            found.append(count(servers[case.server], case, interpreters))
        shown = ", ".join(f"{value:.1f}" for value in found)
        print(f"{case.name}: {shown} instructions per request", flush=True)
        if spread(sorted(found)[:2]) > NOISE:
            raise MissingError(
                f"{case.name}: {shown} differ by more than {NOISE:.1%}; what is counted"
                " depends on time, so it cannot be compared"
            )
        counts[case.name] = round(min(found))
    return counts


def _print_others(servers: Sequence[Server], interpreters: Interpreters) -> int:
    """Counts servers by name, for curiosity; nothing is recorded."""
    status = 0
    for server in servers:
        if server.package in interpreters.absent:
            print(f"{server.name}: {interpreters.absent[server.package]}")
            status = 1
            continue
        for case in CASES:
            if server.api != "wsgi" or case.server == "narthex-native":
                continue
            if case.gateway != (server.front == "fastcgi"):
                continue
            try:
                text = f"{count(server, case, interpreters):.0f}"
            except (OSError, ValueError) as error:
                text, status = f"invalid: {error}", 1
            print(f"{server.name} {case.name}: {text}", flush=True)
    return status


def count(server: Server, case: Case, interpreters: Interpreters) -> float:
    """Returns a server's instructions per request."""
    long, seconds = _total(server, case, interpreters, LONG)
    # Timers tick as often in both, which then costs nothing in the difference.
    short, _ = _total(server, case, interpreters, SHORT, seconds)
    return (long - short) / (LONG - SHORT)


def _print_parts(interpreters: Interpreters, cases: Sequence[Case]) -> int:
    """Counts cases once, by the parts of the server; nothing is recorded."""
    servers = {server.name: server for server in SERVERS}
    for case in cases:
        server = servers[case.server]
        long, seconds = _life(server, case, interpreters, LONG)
        short, _ = _life(server, case, interpreters, SHORT, seconds)
        found = parts.by_function(long)
        found.subtract(parts.by_function(short))
        total = sum(found.values()) / (LONG - SHORT)
        print(f"{case.name}: {total:.0f} instructions per request")
        for name, count in parts.by_part(found).most_common():
            print(f"  {name:12} {count / (LONG - SHORT):6.0f}")
        for name, count in found.most_common(12):
            print(f"    {count / (LONG - SHORT):6.0f} {name[:90]}", flush=True)
    return 0


def _total(
    server: Server,
    case: Case,
    interpreters: Interpreters,
    requests: int,
    seconds: float = 0.0,
) -> tuple[int, float]:
    """Returns the instructions of a server's life with so many requests.

    The second figure says how long the requests took; `seconds` is how long the server
    is to live at least.
    """
    texts, taken = _life(server, case, interpreters, requests, seconds)
    return sum(parse_totals(text) for text in texts), taken


def _life(
    server: Server,
    case: Case,
    interpreters: Interpreters,
    requests: int,
    seconds: float = 0.0,
) -> tuple[list[str], float]:
    """Returns what callgrind wrote of a server's life with so many requests.

    The second figure says how long the requests took; `seconds` is how long the server
    is to live at least.
    """
    folder = APPLICATIONS / server.api
    port = free_port()
    with tempfile.TemporaryDirectory() as temporary:
        outputs, scratch = Path(temporary, "counts"), Path(temporary, "scratch")
        outputs.mkdir()
        scratch.mkdir()
        python = interpreters.of(server.package)
        command = [
            *("valgrind", "--tool=callgrind", "--quiet", "--trace-children=yes"),
            f"--callgrind-out-file={outputs}/%p",
            *server.command_line(python, "hello", port, scratch),
        ]
        variables = environment.server_environment(folder, **SETTINGS)
        at = socket_of(scratch) if server.front else None
        with started(
            server.name, command, port, folder, variables, VALGRIND_PATIENCE, at
        ) as running:
            began = time.monotonic()
            with connected(at, TIMEOUT) if at else connect(port) as connection:
                exchange(connection, running, case, requests)
            taken = time.monotonic() - began
            time.sleep(max(0.0, seconds - taken))
        return [file.read_text() for file in outputs.iterdir()], taken


def exchange(
    connection: socket.socket, server: Running, case: Case, requests: int
) -> None:
    """Makes so many requests on one connection, each when the server sleeps.

    A request that came while the server is still busy with the last one would save
    it a way to epoll and back, sometimes.

    Raises:
        AnswerError: An answer differs from the first one in length or content.
    """
    pids = [stat.pid for stat in server.tree()]
    batches = cycle(case.requests())
    connection.sendall(next(batches))
    length = len(_first_answers(connection, case))
    for batch in islice(batches, requests // case.pipeline):
        _wait_until_asleep(pids)
        connection.sendall(batch)
        answers = _exactly(connection, length)
        if answers.count(HELLO) != case.pipeline:
            raise AnswerError(f"a wrong answer: {answers[:200]!r}")


def _wait_until_asleep(pids: Sequence[int]) -> None:
    """Waits until all threads sleep, seen twice as they wake each other."""
    seen = 0
    while seen < 2:
        asleep = all(thread_states(pid) <= {"S"} for pid in pids)
        seen = seen + 1 if asleep else 0


def _first_answers(connection: socket.socket, case: Case) -> bytes:
    answers = b""
    while answers.count(case.ending) < case.pipeline:
        piece = connection.recv(65536)
        if not piece:
            raise AnswerError(f"closed after {answers!r}")
        answers += piece
    return answers


def _exactly(connection: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        piece = connection.recv(length - len(received))
        if not piece:
            raise AnswerError("the server does not keep the connection")
        received += piece
    return received


def parse_totals(text: str) -> int:
    """Returns the instructions that a file of callgrind says were executed.

    Raises:
        ValueError: It does not say.
    """
    found = re.findall(r"^(?:summary|totals): (\d+)", text, re.MULTILINE)
    if not found:
        raise ValueError("callgrind wrote no totals")
    return int(found[-1])


@dataclass(frozen=True)
class Record:
    """What instructions.txt says.

    Attributes:
        tools: The versions the counts depend on.
        counts: Instructions per request by the name of the case.
    """

    tools: Mapping[str, str]
    counts: Mapping[str, int]


def parse_record(text: str) -> Record:
    """Parses instructions.txt."""
    parser = configparser.ConfigParser()
    parser.read_string(text)
    counts = {name: int(value) for name, value in parser["instructions"].items()}
    return Record(dict(parser["made with"]), counts)


def format_record(record: Record) -> str:
    """Writes instructions.txt."""
    lines = [RECORD_HEAD.format(short=SHORT, long=LONG), "[made with]"]
    lines += [f"{name} = {value}" for name, value in record.tools.items()]
    lines += ["", "[instructions]"]
    lines += [f"{name} = {value}" for name, value in record.counts.items()]
    return "\n".join(lines) + "\n"


def compare(recorded: Mapping[str, int], counted: Mapping[str, int]) -> int:
    """Prints each case beside its record; 1 when one is worse than allowed."""
    status = 0
    for name, value in counted.items():
        if name not in recorded:
            print(f"{name}: {value}, not in {RECORD.name}: {REGENERATE}")
            status = 1
            continue
        before = recorded[name]
        allowed = before * TOLERANCE
        verdict = "ok"
        if value - before > allowed:
            verdict, status = f"WORSE by more than {TOLERANCE:.0%}", 1
        elif before - value > allowed:
            verdict = f"better; {REGENERATE}"
        change = value / before - 1
        print(f"{name}: {value}, recorded {before}, {change:+.1%}: {verdict}")
    return status


REGENERATE = "record it by tests/bench/instructions and commit the file"


def _tools(options: argparse.Namespace) -> dict[str, str]:
    """Names what the counts depend on besides our source."""
    facts = environment.facts(environment.interpreter(options.ours or options.python))
    return {
        "python": facts["python"],
        "rustc": facts["rustc"],
        "libc": facts["libc"],
        "valgrind": environment.first_line(["valgrind", "--version"]),
        "machine": platform.machine(),
    }


def differences(recorded: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """Says what differs between the tools of the record and those of here."""
    return [
        f"{name}: recorded {recorded.get(name, 'nothing')}, here {value}"
        for name, value in here.items()
        if recorded.get(name) != value
    ]


def _same_tools(options: argparse.Namespace) -> bool:
    """Tells whether the record can be compared here, and why not.

    Raises:
        MissingError: There is no record.
    """
    if not RECORD.exists():
        raise MissingError(f"{RECORD} does not exist: {REGENERATE}")
    recorded = parse_record(RECORD.read_text()).tools
    different = differences(recorded, _tools(options))
    if different:
        print(
            f"{RECORD.name} cannot be compared, it was made with other tools:",
            *(f"  {line}" for line in different),
            "The counts of two sets of tools differ for reasons that are not ours."
            " Check out the commit before yours, count there with",
            "  tests/bench/instructions",
            "and commit that file; then compare your change with --check.",
            sep="\n",
            file=sys.stderr,
        )
    return not different
