"""What a server costs that has nothing to do: alone, and with idle connections."""

from __future__ import annotations

import resource
import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass

from . import measure
from .client import AnswerError, connect, expect_hello, request_bytes
from .load import HELLO, MEGABYTE, Setting, spent_cpu
from .measure import Sample
from .process import Running

SETTLED = 0.5


@dataclass(frozen=True)
class Idle:
    """Memory at rest, and what kept connections add to it once each has been used.

    Attributes:
        connections: Kept open, after one request on each.
    """

    connections: int = 10_000

    measures = (
        measure.RESIDENT,
        measure.PSS,
        measure.PER_CONNECTION,
        measure.IDLE_CPU,
    )

    def verify(self, server: Running) -> None:
        """Asks once."""
        expect_hello(server.port, (), HELLO)

    def run(self, server: Running, setting: Setting) -> Sample:
        """Opens all connections, asks once on each, and lets them rest."""
        sample = Sample()
        need = self.connections + 200
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < need:
            sample.faults = [f"the machine allows {hard} descriptors, not {need}"]
            return sample
        before = measure.resident_memory(server.tree())
        sample.put(measure.RESIDENT, before / MEGABYTE)
        sample.put(measure.PSS, measure.proportional_memory(server.tree()) / MEGABYTE)
        with ExitStack() as stack:
            for _ in range(self.connections):
                ask(stack.enter_context(connect(server.port)))
            time.sleep(SETTLED)
            after = measure.resident_memory(server.tree())
            with spent_cpu(server) as cpu:
                time.sleep(setting.seconds)
        sample.put(measure.PER_CONNECTION, (after - before) / self.connections / 1024)
        sample.put(measure.IDLE_CPU, cpu() / setting.seconds * 1e3)
        return sample


def ask(connection: socket.socket) -> None:
    """Sends one request and takes its answer.

    Raises:
        AnswerError: It is another one.
    """
    connection.sendall(request_bytes("/"))
    answer = b""
    while not answer.endswith(HELLO):
        piece = connection.recv(4096)
        if not piece:
            raise AnswerError(f"closed after {answer[:40]!r}")
        answer += piece
