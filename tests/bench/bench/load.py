"""The loads: what is done to a server, and what is read off it meanwhile."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from . import measure
from .client import (
    BUFFER,
    AnswerError,
    Headers,
    connect,
    discard_body,
    expect_hello,
    read_body,
    read_head,
    request_bytes,
)
from .measure import Measure, Sample
from .process import HOST, Running
from .slow import SlowJob, SlowReader, SlowUpload, drive

LUA = Path(__file__).resolve().parent.parent / "lua"
HELLO = b"Hello, world!"
WARM_UP = 0.3
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Setting:
    """How long a load lasts and where its generator runs.

    Attributes:
        seconds: The length of the part that is measured.
        core: The core to which wrk is pinned, or None.
    """

    seconds: float
    core: int | None = None


class Load(Protocol):
    """What a scenario does to each of its servers."""

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The columns of the scenario's table."""

    def verify(self, server: Running) -> None:
        """Makes each kind of request once and compares the answers."""

    def run(self, server: Running, setting: Setting) -> Sample:
        """Loads the server and returns its figures."""


@dataclass(frozen=True)
class WrkFigures:
    """The line that `report.lua` ends wrk's output with."""

    requests: int
    duration_us: int
    p50_us: float
    p99_us: float
    p999_us: float
    errors: dict[str, int]

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / (self.duration_us / 1e6)

    @property
    def faults(self) -> list[str]:
        """What makes the figures invalid."""
        counted = [f"{count} {kind} errors" for kind, count in self.errors.items()]
        if self.requests == 0:
            counted.append("no request was answered")
        return counted


def parse_wrk(output: str) -> WrkFigures:
    """Parses wrk's output.

    Raises:
        AnswerError: wrk printed no figures.
    """
    line = next((s for s in output.splitlines() if s.startswith("bench ")), None)
    if line is None:
        raise AnswerError(f"wrk printed no figures: {output.strip()[-200:]}")
    fields = dict(re.findall(r"(\w+)=([-\d.]+)", line))
    kinds = ("connect", "read", "write", "status", "timeout")
    return WrkFigures(
        requests=int(fields["requests"]),
        duration_us=int(fields["duration_us"]),
        p50_us=float(fields["p50_us"]),
        p99_us=float(fields["p99_us"]),
        p999_us=float(fields["p999_us"]),
        errors={kind: int(fields[kind]) for kind in kinds if int(fields[kind])},
    )


@dataclass(frozen=True)
class Wrk:
    """Many connections asking for the same small answer.

    Attributes:
        connections: Connections kept open.
        threads: Threads of wrk; one when it is pinned to one core.
        headers: Sent besides Host.
        pipeline: Requests sent in one write.
        tls: Whether the connections are encrypted.
        path: What is asked for.
        body: What is answered.
        distinct: Asked for instead of `/`, with a number that is never the same.
        pause: Milliseconds in the mean between an answer and the next request.
        by_programs: Whether each answer is a process's, whose CPU nobody adds up.
    """

    connections: int = 64
    threads: int = 2
    headers: Headers = ()
    pipeline: int = 1
    tls: bool = False
    path: str = "/"
    body: bytes = HELLO
    distinct: str = ""
    pause: float = 0.0
    by_programs: bool = False

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The columns of the table.

        No latencies with pipelining: wrk takes the time of a batch for that of a
        request, and corrects it by the interval of requests.
        """
        if self.by_programs:
            return (measure.RATE, measure.P50, measure.P99)
        tails = (measure.P50, measure.P99, measure.P999) if self.pipeline == 1 else ()
        return (measure.RATE, measure.CPU, *tails, measure.PSS, measure.PEAK)

    def command(self, port: int, seconds: float, core: int | None) -> list[str]:
        """Writes wrk's command line; wrk takes whole seconds only."""
        pinned = core is not None
        command = ["taskset", "-c", str(core)] if pinned else []
        command += ["wrk", "-t", "1" if pinned else str(self.threads)]
        command += ["-c", str(self.connections), "-d", f"{max(1, round(seconds))}s"]
        for name, value in self.headers:
            command += ["-H", f"{name}: {value}"]
        script, *arguments = self.script()
        scheme = "https" if self.tls else "http"
        command += ["-s", str(LUA / script), f"{scheme}://{HOST}:{port}{self.path}"]
        return command + (["--", *arguments] if arguments else [])

    def script(self) -> tuple[str, ...]:
        """Returns wrk's script and what it is told."""
        if self.pipeline > 1:
            return "pipelined.lua", str(self.pipeline)
        if self.distinct:
            return "distinct.lua", self.distinct
        return ("paced.lua", f"{self.pause:.3f}") if self.pause else ("report.lua",)

    def load(self, server: Running, setting: Setting) -> WrkFigures:
        """Runs wrk once."""
        done = subprocess.run(
            self.command(server.port, setting.seconds, setting.core),
            capture_output=True,
            text=True,
            check=False,
        )
        return parse_wrk(done.stdout + done.stderr)

    def warm_up(self, server: Running, setting: Setting) -> None:
        """Runs wrk for less than the second it would last at least."""
        wrk = subprocess.Popen(
            self.command(server.port, 1, setting.core),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(WARM_UP)
        wrk.send_signal(signal.SIGINT)
        wrk.wait()

    def verify(self, server: Running) -> None:
        """Makes one request, and one batch where requests are pipelined."""
        expect_hello(server.port, self.headers, self.body, self.path, self.tls)
        if self.pipeline == 1:
            return
        with connect(server.port, self.tls) as connection:
            batch = request_bytes(self.path, self.headers) * self.pipeline
            connection.sendall(batch)
            received = b""
            while received.count(self.body) < self.pipeline:
                piece = connection.recv(65536)
                if not piece:
                    count = received.count(self.body)
                    raise AnswerError(f"{count} answers for {self.pipeline} requests")
                received += piece

    def run(self, server: Running, setting: Setting) -> Sample:
        """Warms up, then measures."""
        sample = Sample()
        self.warm_up(server, setting)
        with spent_cpu(server) as cpu:
            figures = self.load(server, setting)
        tree = server.tree()
        sample.faults = figures.faults
        if figures.requests == 0:
            return sample
        sample.put(measure.RATE, figures.rate)
        sample.put(measure.CPU, cpu() / figures.requests * 1e6)
        if self.pipeline == 1:
            sample.put(measure.P50, figures.p50_us / 1e3)
            sample.put(measure.P99, figures.p99_us / 1e3)
            sample.put(measure.P999, figures.p999_us / 1e3)
        sample.put(measure.PSS, measure.proportional_memory(tree) / MEGABYTE)
        sample.put(measure.PEAK, measure.peak_memory(tree) / MEGABYTE)
        return sample


@contextmanager
def spent_cpu(server: Running) -> Iterator[Callable[[], float]]:
    """Measures the CPU seconds of the server over a `with` block."""
    before = measure.cpu_seconds(server.tree())
    spent = 0.0
    yield lambda: spent
    spent = measure.cpu_seconds(server.tree()) - before


@contextmanager
def memory_growth(server: Running) -> Iterator[Callable[[], float]]:
    """Measures by how many MB the highest resident memory exceeds that at the start."""
    tree = server.tree()
    before = measure.resident_memory(tree)
    measure.forget_peaks(tree)
    growth = 0.0
    yield lambda: growth
    growth = (measure.peak_memory(server.tree()) - before) / MEGABYTE


@dataclass(frozen=True)
class Transfer:
    """One large body at a time, each on a connection of its own.

    Attributes:
        size: The length of the body.
        upload: Whether the client sends it; otherwise the server does.
        tls: Whether the connections are encrypted.
        least: How many there are at least.
    """

    size: int
    upload: bool
    tls: bool = False
    least: int = 3

    measures = (
        measure.SPEED,
        measure.CPU_PER_TRANSFER,
        measure.GROWTH,
        measure.PSS,
        measure.PEAK,
    )

    def verify(self, server: Running) -> None:
        """Transfers a small body."""
        transfer(server.port, 100_000, self.upload, self.tls)

    def run(self, server: Running, setting: Setting) -> Sample:
        """Transfers until the time is over."""
        sample = Sample()
        times: list[float] = []
        end = time.monotonic() + setting.seconds
        with memory_growth(server) as growth, spent_cpu(server) as cpu:
            while len(times) < self.least or time.monotonic() < end:
                times.append(transfer(server.port, self.size, self.upload, self.tls))
        tree = server.tree()
        # The fastest, as a transfer is short against a slice of the scheduler.
        sample.put(measure.SPEED, self.size / MEGABYTE / min(times))
        sample.put(measure.CPU_PER_TRANSFER, cpu() / len(times) * 1e3)
        sample.put(measure.GROWTH, growth())
        sample.put(measure.PSS, measure.proportional_memory(tree) / MEGABYTE)
        sample.put(measure.PEAK, measure.peak_memory(tree) / MEGABYTE)
        return sample


def transfer(port: int, size: int, upload: bool, tls: bool = False) -> float:
    """Moves one body and returns the seconds it took.

    Raises:
        AnswerError: The answer is wrong.
    """
    with connect(port, tls) as connection:
        start = time.perf_counter()
        if not upload:
            connection.sendall(request_bytes(f"/download/{size}"))
            head = read_head(connection)
            if (head.status, head.length) != (200, size):
                raise AnswerError(f"answered {head.status}, {head.length} bytes")
            discard_body(connection, head)
            return time.perf_counter() - start
        headers = (("Content-Length", str(size)),)
        connection.sendall(request_bytes("/upload", headers, "POST"))
        piece = memoryview(bytes(BUFFER))
        for offset in range(0, size, BUFFER):
            connection.sendall(piece[: size - offset])
        head = read_head(connection)
        body = read_body(connection, head)
        if (head.status, body) != (200, str(size).encode()):
            raise AnswerError(f"answered {head.status} {body[:40]!r}")
        return time.perf_counter() - start


@dataclass(frozen=True)
class SlowMix:
    """Hello traffic alone, beside slow uploads and slow readers, and alone again.

    The slow ones are spread over the time of the second part; the hello traffic
    runs within it. Alone is the mean of before and after, as machines drift. What
    is judged is how much of its rate the hello traffic keeps, that all slow ones end
    well, and that memory stays flat.

    Attributes:
        uploads: Uploads at once.
        upload_size: The length of each.
        readers: Downloads at once.
        download_size: The length of each.
    """

    uploads: int = 8
    upload_size: int = 1_000_000
    readers: int = 8
    download_size: int = 50 * MEGABYTE

    hello = Wrk(connections=8, threads=1)
    measures = (
        measure.KEPT,
        measure.ALONE,
        measure.BESIDE,
        measure.P99,
        measure.COMPLETED,
        measure.GROWTH,
    )

    def verify(self, server: Running) -> None:
        """Makes each kind of request once, at full speed."""
        self.hello.verify(server)
        transfer(server.port, 100_000, upload=True)
        transfer(server.port, 100_000, upload=False)

    def run(self, server: Running, setting: Setting) -> Sample:
        """Measures hello alone, beside the slow ones, and alone again."""
        sample = Sample()
        self.hello.warm_up(server, setting)
        before = self.hello.load(server, setting)
        lasting = setting.seconds + 2.0  # hello starts after, and ends before them
        jobs: list[SlowJob] = [
            *(SlowUpload(self.upload_size, lasting) for _ in range(self.uploads)),
            *(SlowReader(self.download_size, lasting) for _ in range(self.readers)),
        ]
        with memory_growth(server) as growth, ThreadPoolExecutor(1) as pool:
            slow = pool.submit(drive, jobs, server.port, lasting + 20.0)
            time.sleep(0.5)
            beside = self.hello.load(server, setting)
            outcomes = slow.result()
        after = self.hello.load(server, setting)
        alone = (before.rate + after.rate) / 2
        sample.faults = [*before.faults, *beside.faults, *after.faults]
        sample.faults += sorted({o for o in outcomes if o is not None})
        sample.put(measure.ALONE, alone)
        sample.put(measure.BESIDE, beside.rate)
        if alone:
            sample.put(measure.KEPT, 100 * beside.rate / alone)
        sample.put(measure.P99, beside.p99_us / 1e3)
        sample.put(measure.COMPLETED, sum(o is None for o in outcomes))
        sample.put(measure.GROWTH, growth())
        return sample
