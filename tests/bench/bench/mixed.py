"""Loads of more than one kind: calls that sleep beside hello, and a paced hello."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from . import measure
from .client import expect_hello
from .load import HELLO, MEGABYTE, Setting, Wrk, spent_cpu
from .measure import Sample
from .process import Running


@dataclass(frozen=True)
class SleepMix:
    """Half of the connections on a call that sleeps 10 ms, the others on hello.

    Each sleeping request has a path of its own, as `/report/<number>` would have.

    Attributes:
        fast: The hello half.
        slow: The sleeping half.
    """

    fast: Wrk = field(default=Wrk(connections=32, threads=1))
    slow: Wrk = field(default=Wrk(connections=32, threads=1, distinct="/sleep/"))

    measures = (
        measure.FAST,
        measure.SLOW,
        measure.CPU,
        measure.P50,
        measure.P99,
        measure.PSS,
        measure.PEAK,
    )

    def verify(self, server: Running) -> None:
        """Asks for one of each."""
        expect_hello(server.port, (), HELLO)
        expect_hello(server.port, (), HELLO, path="/sleep/0")

    def run(self, server: Running, setting: Setting) -> Sample:
        """Runs both halves for the same time; latencies are those of hello."""
        sample = Sample()
        self.fast.warm_up(server, setting)
        self.slow.warm_up(server, setting)
        with spent_cpu(server) as cpu, ThreadPoolExecutor(1) as pool:
            sleeping = pool.submit(self.slow.load, server, setting)
            fast = self.fast.load(server, setting)
            slow = sleeping.result()
        tree = server.tree()
        sample.faults = [*fast.faults, *slow.faults]
        if sample.faults:
            return sample
        sample.put(measure.FAST, fast.rate)
        sample.put(measure.SLOW, slow.rate)
        sample.put(measure.CPU, cpu() / (fast.requests + slow.requests) * 1e6)
        sample.put(measure.P50, fast.p50_us / 1e3)
        sample.put(measure.P99, fast.p99_us / 1e3)
        sample.put(measure.PSS, measure.proportional_memory(tree) / MEGABYTE)
        sample.put(measure.PEAK, measure.peak_memory(tree) / MEGABYTE)
        return sample


@dataclass(frozen=True)
class Paced:
    """Hello at a share of what the server can do at most.

    Latencies at the limit are those of the queue in front of the server; below it
    they are the server's own.

    Attributes:
        share: Of the rate that is measured first.
        wrk: The load whose rate that is.
    """

    share: float = 0.6
    wrk: Wrk = field(default=Wrk())

    measures = (
        measure.MOST,
        measure.RATE,
        measure.CPU,
        measure.P50,
        measure.P99,
        measure.P999,
    )

    def verify(self, server: Running) -> None:
        """Asks once."""
        self.wrk.verify(server)

    def run(self, server: Running, setting: Setting) -> Sample:
        """Finds the limit, then the pauses that keep below it, then measures."""
        sample = Sample()
        self.wrk.warm_up(server, setting)
        most = self.wrk.load(server, replace(setting, seconds=1.0))
        if most.faults:
            sample.faults = most.faults
            return sample
        wanted = self.share * most.rate
        # Each connection waits, then asks; a response below the limit takes 0.2 ms.
        pause = max(self.wrk.connections / wanted * 1e3 - 0.2, 0.0)
        paced = replace(self.wrk, pause=pause)
        with spent_cpu(server) as cpu:
            figures = paced.load(server, setting)
        sample.faults = figures.faults
        if sample.faults:
            return sample
        sample.put(measure.MOST, most.rate)
        sample.put(measure.RATE, figures.rate)
        sample.put(measure.CPU, cpu() / figures.requests * 1e6)
        sample.put(measure.P50, figures.p50_us / 1e3)
        sample.put(measure.P99, figures.p99_us / 1e3)
        sample.put(measure.P999, figures.p999_us / 1e3)
        return sample
