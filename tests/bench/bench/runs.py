"""A program that is run for each request: how long a run takes."""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import dataclass

from . import measure
from .client import AnswerError
from .load import HELLO, Setting
from .measure import Sample
from .process import Running


@dataclass(frozen=True)
class Run:
    """One run of a program.

    Attributes:
        output: What it wrote, head and body.
        status: What it ended with.
        seconds: From before its start until it ended and its output was read.
        cpu: Seconds of its own, and of children it waited for.
    """

    output: bytes
    status: int
    seconds: float
    cpu: float


@dataclass(frozen=True)
class Runs:
    """Runs one after the other, as many in each round.

    Attributes:
        count: How many.
    """

    count: int = 20

    measures = (measure.RUN, measure.FASTEST, measure.RUN_CPU)

    def verify(self, server: Running) -> None:
        """Runs it once, which also starts what stays and compiles what is kept."""
        check(run(server))

    def run(self, server: Running, setting: Setting) -> Sample:
        """Runs it as often as is declared, whatever time that takes."""
        sample = Sample()
        done = [run(server) for _ in range(self.count)]
        for each in done:
            check(each)
        took = [each.seconds for each in done]
        sample.put(measure.RUN, statistics.median(took) * 1e3)
        sample.put(measure.FASTEST, min(took) * 1e3)
        sample.put(measure.RUN_CPU, statistics.median(e.cpu for e in done) * 1e3)
        return sample


def run(server: Running) -> Run:
    """Starts a program without input, reads its output, and waits for its end."""
    reading, writing = os.pipe()
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, writing, 1),
    ]
    start = time.perf_counter()
    pid = os.posix_spawn(
        server.program[0], server.program, server.variables, file_actions=actions
    )
    os.close(writing)
    output = b""
    while piece := os.read(reading, 65536):
        output += piece
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - start
    os.close(reading)
    cpu = usage.ru_utime + usage.ru_stime
    return Run(output, os.waitstatus_to_exitcode(status), seconds, cpu)


def check(done: Run) -> None:
    """Makes sure that a run answered hello.

    Raises:
        AnswerError: It did not.
    """
    head, _, body = done.output.replace(b"\r\n", b"\n").partition(b"\n\n")
    lines = head.split(b"\n")
    if done.status or body != HELLO or b"Status: 200 OK" not in lines:
        raise AnswerError(f"ended with {done.status}: {done.output[:200]!r}")
