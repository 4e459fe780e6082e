"""HTTP/2 by h2load: many streams on few connections."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

from . import measure
from .client import AnswerError, expect_hello
from .load import HELLO, MEGABYTE, Setting, spent_cpu
from .measure import Measure, Sample
from .process import HOST, Running


@dataclass(frozen=True)
class H2load:
    """Hello over HTTP/2 with prior knowledge.

    Attributes:
        connections: Kept open.
        streams: At once on each.
    """

    connections: int = 4
    streams: int = 64

    measures: tuple[Measure, ...] = (
        measure.RATE,
        measure.CPU,
        measure.PSS,
        measure.PEAK,
    )

    def verify(self, server: Running) -> None:
        """Asks once by HTTP/1.1, and by HTTP/2 as often as there are streams."""
        expect_hello(server.port, (), HELLO)
        count = self.streams * self.connections
        parse_h2load(self._load(server, "-n", str(count)))

    def run(self, server: Running, setting: Setting) -> Sample:
        """Measures for a time, after as long a warm-up as wrk's."""
        sample = Sample()
        self._load(server, "-n", "5000")
        with spent_cpu(server) as cpu:
            output = self._load(server, "-D", f"{max(1, round(setting.seconds))}")
        done, rate = parse_h2load(output)
        tree = server.tree()
        sample.put(measure.RATE, rate)
        sample.put(measure.CPU, cpu() / done * 1e6)
        sample.put(measure.PSS, measure.proportional_memory(tree) / MEGABYTE)
        sample.put(measure.PEAK, measure.peak_memory(tree) / MEGABYTE)
        return sample

    def _load(self, server: Running, *length: str) -> str:
        command = ["h2load", "-c", str(self.connections), "-m", str(self.streams)]
        done = subprocess.run(
            [*command, *length, f"http://{HOST}:{server.port}/"],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr


def parse_h2load(output: str) -> tuple[int, float]:
    """Returns the number of requests answered, and how many a second.

    Raises:
        AnswerError: It printed no figures, or some request failed.
    """
    rate = re.search(r"finished in .*?, ([\d.]+) req/s", output)
    counts = re.search(
        r"(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored", output
    )
    if rate is None or counts is None:
        raise AnswerError(f"h2load printed no figures: {output.strip()[-200:]}")
    done, succeeded, failed, errored = (int(count) for count in counts.groups())
    if failed or errored or not succeeded or done != succeeded:
        raise AnswerError(f"h2load: {counts[0]}")
    return done, float(rate[1])
