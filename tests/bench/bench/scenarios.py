"""The scenarios: one declaration for each, and the figures we want to reach."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from . import measure
from .client import BROWSER_HEADERS
from .load import MEGABYTE, Load, SlowMix, Transfer, Wrk
from .measure import Measure, Sample
from .servers import Role, Server


@dataclass(frozen=True)
class Scenario:
    """What is done, and to which servers.

    Attributes:
        name: Its name in the tables and for `--only`.
        note: What it is, in a sentence.
        load: What is done to each server.
        roles: The servers with one of these roles take part.
        ours: The server of ours that the ratios refer to; it always takes part.
        module: The application, a module in the folder of the server's API.
    """

    name: str
    note: str
    load: Load
    roles: frozenset[Role]
    ours: str = "narthex"
    module: str = "hello"

    def takes(self, server: Server) -> bool:
        """Tells whether a server takes part."""
        part = server.name == self.ours or bool(server.roles & self.roles)
        return part and server.runs(self.module)


SCENARIOS = (
    Scenario(
        "hello",
        "13 bytes over 64 kept connections, the request has Host only",
        Wrk(),
        frozenset({Role.PLAIN}),
    ),
    Scenario(
        "browser",
        "the same with eight more headers, as browsers send them",
        Wrk(headers=BROWSER_HEADERS),
        frozenset({Role.FAST, Role.NATIVE}),
    ),
    Scenario(
        "pipelined",
        "16 requests in one write over 64 connections",
        Wrk(pipeline=16),
        frozenset({Role.PIPELINED}),
    ),
    Scenario(
        "native",
        "hello by our own API beside hello by our WSGI",
        Wrk(),
        frozenset({Role.NATIVE}),
    ),
    Scenario(
        "two-threads",
        "hello on two threads for input and output",
        Wrk(),
        frozenset({Role.TWO_THREADS}),
        ours="narthex-2",
    ),
    Scenario(
        "download",
        "100 MiB from the application, in pieces of 64 KiB",
        Transfer(size=100 * MEGABYTE, upload=False),
        frozenset({Role.PLAIN}),
        module="mixed",
    ),
    Scenario(
        "upload",
        "100 MiB to the application, read in pieces of 64 KiB",
        Transfer(size=100 * MEGABYTE, upload=True),
        frozenset({Role.PLAIN}),
        module="mixed",
    ),
    Scenario(
        "slow-mix",
        "hello beside eight slow uploads and eight slow readers of 50 MiB",
        SlowMix(),
        frozenset({Role.CONCURRENT}),
        ours="narthex-2",
        module="mixed",
    ),
)

Samples = Mapping[str, Sequence[Sample]]


@dataclass(frozen=True)
class Goal:
    """A figure to reach in a scenario.

    Attributes:
        scenario: Where it is read.
        text: What is wanted, in words.
        figure: Reads it from the samples by server; None where one is missing.
        holds: Compares the figure with `bound`.
        bound: The figure wanted.
    """

    scenario: str
    text: str
    figure: Callable[[Samples], float | None]
    holds: Callable[[float, float], bool]
    bound: float


SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    "≥": operator.ge,
    "≤": operator.le,
}


def _ratio(
    scenario: str, over: str, under: str, what: Measure, at_least: float
) -> Goal:
    """Wants `over`'s figure to be so many times that of `under`."""

    def figure(samples: Samples) -> float | None:
        return measure.ratio(samples.get(over, ()), samples.get(under, ()), what)

    text = f"{what.title}: {over} ÷ {under} ≥ {at_least:g}"
    return Goal(scenario, text, figure, operator.ge, at_least)


def _bound(scenario: str, server: str, what: Measure, sign: str, bound: float) -> Goal:
    """Wants a server's own figure to hold against a bound."""

    def figure(samples: Samples) -> float | None:
        return measure.medians(samples.get(server, ()), what)

    text = f"{what.title}: {server} {sign} {bound:g}"
    return Goal(scenario, text, figure, SIGNS[sign], bound)


GOALS = (
    _ratio("hello", "granian-bt1", "narthex", measure.CPU, 1.6),
    _ratio("hello", "narthex", "granian-bt1", measure.RATE, 1.4),
    _ratio("hello", "narthex", "granian-bt64", measure.RATE, 2.5),
    _ratio("browser", "granian-bt1", "narthex", measure.CPU, 1.8),
    _ratio("native", "narthex", "narthex-native", measure.CPU, 1.0),
    _bound("slow-mix", "narthex-2", measure.KEPT, "≥", 80),
    _bound("slow-mix", "narthex-2", measure.COMPLETED, "≥", 16),
    # A slow reader costs less than a megabyte, and so does a slow upload.
    _bound("slow-mix", "narthex-2", measure.GROWTH, "≤", 16),
)
