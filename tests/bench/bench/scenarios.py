"""The scenarios: one declaration for each, and the figures we want to reach."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from . import measure
from .client import BROWSER_HEADERS
from .http2 import H2load
from .idle import Idle
from .load import MEGABYTE, Load, SlowMix, Transfer, Wrk
from .measure import Measure, Sample
from .mixed import Paced, SleepMix
from .runs import Runs
from .server import APPLICATIONS, Role, Server


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
        pinned: Server and load generator always get a core each.
        quick: Whether it is played in a quick run that does not name it.
    """

    name: str
    note: str
    load: Load
    roles: frozenset[Role]
    ours: str = "narthex"
    module: str = "hello"
    pinned: bool = False
    quick: bool = False

    def takes(self, server: Server) -> bool:
        """Tells whether a server takes part."""
        part = server.name == self.ours or bool(server.roles & self.roles)
        return part and server.runs(self.module)


STATIC_FILE = (APPLICATIONS / "files" / "file.css").read_bytes()

SCENARIOS = (
    Scenario(
        "hello",
        "13 bytes over 64 kept connections, the request has Host only",
        Wrk(),
        frozenset({Role.PLAIN}),
        quick=True,
    ),
    Scenario(
        "browser",
        "the same with eight more headers, as browsers send them",
        Wrk(headers=BROWSER_HEADERS),
        frozenset({Role.FAST, Role.NATIVE}),
        quick=True,
    ),
    Scenario(
        "pipelined",
        "16 requests in one write over 64 connections",
        Wrk(pipeline=16),
        frozenset({Role.PIPELINED}),
        quick=True,
    ),
    Scenario(
        "native",
        "hello by our own API beside hello by our WSGI",
        Wrk(),
        frozenset({Role.NATIVE}),
        quick=True,
    ),
    Scenario(
        "two-threads",
        "hello on two threads for input and output",
        Wrk(),
        frozenset({Role.TWO_THREADS}),
        ours="narthex-2",
        quick=True,
    ),
    Scenario(
        "download",
        "100 MiB from the application, in pieces of 64 KiB",
        Transfer(size=100 * MEGABYTE, upload=False),
        frozenset({Role.PLAIN}),
        module="mixed",
        quick=True,
    ),
    Scenario(
        "upload",
        "100 MiB to the application, read in pieces of 64 KiB",
        Transfer(size=100 * MEGABYTE, upload=True),
        frozenset({Role.PLAIN}),
        module="mixed",
        quick=True,
    ),
    Scenario(
        "slow-mix",
        "hello beside eight slow uploads and eight slow readers of 50 MiB",
        SlowMix(),
        frozenset({Role.CONCURRENT}),
        ours="narthex-2",
        module="mixed",
        quick=True,
    ),
    Scenario(
        "two-processes",
        "hello on two worker processes",
        Wrk(),
        frozenset({Role.TWO_PROCESSES}),
        ours="narthex-w2",
    ),
    Scenario(
        "sleep-mix",
        "32 connections on a call that sleeps 10 ms, on paths that differ every time,"
        " beside 32 on hello",
        SleepMix(),
        frozenset({Role.CONCURRENT}),
        ours="narthex-2",
        module="mixed",
    ),
    Scenario(
        "tail",
        "hello with the server on one core and the load on the other",
        Wrk(),
        frozenset({Role.FAST}),
        pinned=True,
    ),
    Scenario(
        "paced",
        "hello at 60 % of what each server can do, on a core of its own",
        Paced(),
        frozenset({Role.FAST}),
        pinned=True,
    ),
    Scenario(
        "static",
        "a file of 10 KB over 64 kept connections, as browsers ask for it",
        Wrk(path="/static/file.css", body=STATIC_FILE, headers=BROWSER_HEADERS),
        frozenset({Role.STATIC}),
        ours="narthex-static",
        module="static",
    ),
    Scenario(
        "tls",
        "hello over 64 kept connections with TLS 1.3",
        Wrk(tls=True),
        frozenset({Role.TLS}),
        ours="narthex-tls",
    ),
    Scenario(
        "tls-download",
        "100 MiB from the application over TLS",
        Transfer(size=100 * MEGABYTE, upload=False, tls=True),
        frozenset({Role.TLS}),
        ours="narthex-tls",
        module="mixed",
    ),
    Scenario(
        "tls-upload",
        "100 MiB to the application over TLS",
        Transfer(size=100 * MEGABYTE, upload=True, tls=True),
        frozenset({Role.TLS}),
        ours="narthex-tls",
        module="mixed",
    ),
    Scenario(
        "http2",
        "hello over HTTP/2, 64 streams on each of 4 connections",
        H2load(),
        frozenset({Role.HTTP2}),
    ),
    Scenario(
        "idle",
        "at rest, and with 10 000 kept connections that are idle",
        Idle(),
        frozenset({Role.FAST}),
    ),
    Scenario(
        "observed",
        "hello through a trusted proxy, without and with access log, rule and metrics",
        Wrk(
            headers=(
                ("X-Forwarded-For", "203.0.113.7"),
                ("X-Forwarded-Proto", "https"),
            )
        ),
        frozenset({Role.OBSERVED}),
    ),
    Scenario(
        "gateways",
        "hello through nginx over 32 kept connections, by each protocol it speaks;"
        " CPU and memory are of the server behind it alone",
        Wrk(connections=32),
        frozenset({Role.GATEWAY}),
        ours="narthex-fastcgi",
        quick=True,
    ),
    Scenario(
        "gateway-download",
        "1 GiB from the application through nginx, which does not buffer it",
        Transfer(size=1024 * MEGABYTE, upload=False, least=1),
        frozenset({Role.GATEWAY_TRANSFER}),
        ours="narthex-fastcgi",
        module="mixed",
        quick=True,
    ),
    Scenario(
        "gateway-upload",
        "1 GiB to the application through nginx, which does not buffer it",
        Transfer(size=1024 * MEGABYTE, upload=True, least=1),
        frozenset({Role.GATEWAY_TRANSFER}),
        ours="narthex-fastcgi",
        module="mixed",
        quick=True,
    ),
    Scenario(
        "cgi",
        "a program started, read and waited for, one after the other",
        Runs(),
        frozenset({Role.PROGRAM}),
        ours="narthex-warm",
        quick=True,
    ),
    Scenario(
        "cgi-httpd",
        "programs run by httpd's mod_cgid, over 8 kept connections",
        Wrk(connections=8, by_programs=True),
        frozenset({Role.HTTPD}),
        ours="httpd-warm",
        quick=True,
    ),
    Scenario(
        "apache-event",
        "hello inside httpd, one process of 64 threads, over 16 kept connections",
        Wrk(connections=16),
        frozenset({Role.APACHE_EVENT}),
        ours="event-narthex",
        quick=True,
    ),
    Scenario(
        "apache-prefork",
        "hello inside httpd, 20 processes, over 16 kept connections",
        Wrk(connections=16),
        frozenset({Role.APACHE_PREFORK}),
        ours="prefork-narthex",
    ),
    Scenario(
        "apache-group",
        "hello by a process that httpd hands requests to, over 16 kept connections;"
        " CPU and memory are of all processes",
        Wrk(connections=16),
        frozenset({Role.APACHE_GROUP}),
        ours="group-narthex",
        quick=True,
    ),
    Scenario(
        "apache-download",
        "100 MiB from the application through httpd",
        Transfer(size=100 * MEGABYTE, upload=False),
        frozenset({Role.APACHE_TRANSFER}),
        ours="event-narthex",
        module="mixed",
    ),
    Scenario(
        "apache-upload",
        "100 MiB to the application through httpd",
        Transfer(size=100 * MEGABYTE, upload=True),
        frozenset({Role.APACHE_TRANSFER}),
        ours="event-narthex",
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
    scenario: str,
    over: str,
    under: str,
    what: Measure,
    bound: float,
    sign: str = "≥",
) -> Goal:
    """Wants `over`'s figure to be so many times that of `under`."""

    def figure(samples: Samples) -> float | None:
        return measure.ratio(samples.get(over, ()), samples.get(under, ()), what)

    text = f"{what.title}: {over} ÷ {under} {sign} {bound:g}"
    return Goal(scenario, text, figure, SIGNS[sign], bound)


def _bound(scenario: str, server: str, what: Measure, sign: str, bound: float) -> Goal:
    """Wants a server's own figure to hold against a bound."""

    def figure(samples: Samples) -> float | None:
        return measure.medians(samples.get(server, ()), what)

    text = f"{what.title}: {server} {sign} {bound:g}"
    return Goal(scenario, text, figure, SIGNS[sign], bound)


GOALS = (
    _ratio("hello", "granian-bt1", "narthex", measure.CPU, 1.7),
    _ratio("hello", "narthex", "granian-bt1", measure.RATE, 1.5),
    _ratio("hello", "narthex", "granian-bt64", measure.RATE, 2.5),
    _ratio("hello", "bjoern", "narthex", measure.CPU, 1.0),
    _ratio("hello", "fastwsgi", "narthex", measure.CPU, 1.0),
    _ratio("browser", "granian-bt1", "narthex", measure.CPU, 1.9),
    _ratio("pipelined", "narthex", "granian-bt1", measure.RATE, 8.0),
    _ratio("native", "narthex", "narthex-native", measure.CPU, 1.0),
    _ratio("download", "narthex", "granian-bt1", measure.SPEED, 0.9),
    _ratio("download", "narthex", "uwsgi", measure.SPEED, 0.9),
    _bound("download", "narthex", measure.GROWTH, "≤", 2),
    _ratio("upload", "narthex", "granian-bt64", measure.SPEED, 0.9),
    _ratio("upload", "narthex", "uwsgi", measure.SPEED, 0.9),
    _bound("upload", "narthex", measure.GROWTH, "≤", 2),
    _bound("slow-mix", "narthex-2", measure.KEPT, "≥", 80),
    _bound("slow-mix", "narthex-2", measure.COMPLETED, "≥", 16),
    # A slow reader costs less than a megabyte, and so does a slow upload.
    _bound("slow-mix", "narthex-2", measure.GROWTH, "≤", 16),
    _ratio("two-processes", "narthex-w2", "granian-w2", measure.RATE, 1.6),
    _ratio("sleep-mix", "narthex-2", "granian-rt2-bt64", measure.FAST, 1.6),
    _ratio("sleep-mix", "narthex-2", "granian-rt2-bt64", measure.SLOW, 1.0),
    _ratio("sleep-mix", "granian-rt2-bt64", "narthex-2", measure.P99, 1.0),
    _ratio("tail", "granian-bt1", "narthex", measure.P99, 1.0),
    _ratio("tail", "granian-bt1", "narthex", measure.P999, 1.0),
    _ratio("paced", "granian-bt1", "narthex", measure.P99, 1.0),
    _ratio("paced", "granian-bt1", "narthex", measure.P999, 1.0),
    _ratio("static", "narthex-static", "nginx", measure.RATE, 0.8),
    _ratio("static", "narthex-static", "granian-static", measure.RATE, 1.5),
    _ratio("tls", "narthex-tls", "granian-tls", measure.RATE, 1.0),
    _ratio("tls-download", "narthex-tls", "granian-tls", measure.SPEED, 1.0),
    _ratio("tls-upload", "narthex-tls", "granian-tls", measure.SPEED, 1.0),
    _ratio("http2", "narthex", "granian-bt1", measure.RATE, 1.3),
    _bound("idle", "narthex", measure.RESIDENT, "≤", 20),
    _bound("idle", "narthex", measure.PER_CONNECTION, "≤", 16),
    # Less than a tenth of hello's CPU.
    _ratio("observed", "narthex", "narthex-observed", measure.CPU, 0.91),
    _ratio("gateways", "flup", "narthex-fastcgi", measure.CPU, 20),
    _ratio("gateways", "uwsgi-fastcgi", "narthex-fastcgi", measure.CPU, 2.5),
    _ratio("gateways", "uwsgi-uwsgi", "narthex-fastcgi", measure.CPU, 1.9),
    _ratio("gateways", "narthex-fastcgi", "flup", measure.RATE, 8),
    _ratio("gateways", "narthex-fastcgi", "uwsgi-fastcgi", measure.RATE, 1.6),
    _ratio("gateways", "narthex-fastcgi", "uwsgi-uwsgi", measure.RATE, 1.6),
    _ratio("gateways", "narthex-fastcgi", "narthex-upstream", measure.RATE, 0.9),
    _bound("gateway-download", "narthex-fastcgi", measure.GROWTH, "≤", 4),
    _bound("gateway-upload", "narthex-fastcgi", measure.GROWTH, "≤", 4),
    _ratio("cgi", "narthex-warm", "floor", measure.RUN, 1.2, "≤"),
    _ratio("cgi", "narthex-warm-flask", "floor", measure.RUN, 1.5, "≤"),
    _ratio("cgi", "wsgiref-flask", "narthex-warm-flask", measure.RUN, 100),
    _ratio("cgi", "narthex-fork", "floor", measure.RUN, 3, "≤"),
    _ratio("cgi", "narthex-cold", "wsgiref", measure.RUN, 0.6, "≤"),
    _ratio("cgi-httpd", "httpd-warm", "httpd-floor", measure.RATE, 0.8),
    _ratio("apache-event", "event-narthex", "event-mod_wsgi", measure.RATE, 2),
    _ratio("apache-event", "event-narthex", "event-mod_wsgi-debian", measure.RATE, 2),
    _ratio("apache-event", "event-narthex", "event-rust", measure.RATE, 0.93),
    _ratio("apache-event", "event-mod_python", "event-narthex", measure.CPU, 1),
    _ratio("apache-event", "event-narthex", "event-mod_wsgi", measure.PEAK, 1, "≤"),
    _ratio("apache-prefork", "prefork-narthex", "prefork-mod_wsgi", measure.RATE, 1.4),
    _ratio(
        *("apache-prefork", "prefork-narthex", "prefork-mod_wsgi-debian"),
        *(measure.RATE, 1.4),
    ),
    _ratio("apache-prefork", "prefork-narthex", "prefork-rust", measure.RATE, 0.93),
    _ratio("apache-prefork", "prefork-mod_python", "prefork-narthex", measure.CPU, 1),
    _ratio(
        *("apache-prefork", "prefork-narthex", "prefork-mod_wsgi"),
        *(measure.PEAK, 1, "≤"),
    ),
    _ratio("apache-group", "group-narthex", "daemon-mod_wsgi", measure.RATE, 1.3),
    _ratio(
        "apache-group", "group-narthex", "daemon-mod_wsgi-debian", measure.RATE, 1.3
    ),
    _ratio("apache-download", "event-narthex", "event-mod_wsgi", measure.SPEED, 1),
    _ratio("apache-download", "group-narthex", "daemon-mod_wsgi", measure.SPEED, 1),
    _bound("apache-download", "event-narthex", measure.GROWTH, "≤", 2),
    _bound("apache-download", "group-narthex", measure.GROWTH, "≤", 2),
    _ratio("apache-upload", "event-narthex", "event-mod_wsgi", measure.SPEED, 1),
    _ratio("apache-upload", "group-narthex", "daemon-mod_wsgi", measure.SPEED, 1),
    _bound("apache-upload", "event-narthex", measure.GROWTH, "≤", 2),
    _bound("apache-upload", "group-narthex", measure.GROWTH, "≤", 2),
)
