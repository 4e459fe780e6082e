"""The management address of a parent: figures of all workers, and health."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from command.running import get
from observing.test_management import figures, management, requests

from .supervised import until

if TYPE_CHECKING:
    from .conftest import Starter


def test_no_counter_goes_back_when_workers_are_replaced(start: Starter) -> None:
    server = start("--workers", "2", "--management", "127.0.0.1:0")
    port = management(server)
    seen = 0.0

    def answered() -> float:
        nonlocal seen
        now = sum(requests(figures(port)).values())
        assert now >= seen
        seen = now
        return now

    for _ in range(20):
        assert get(server.port).status == 200
    until(lambda: answered() == 20)
    samples = figures(port)
    memory = {
        int(dict(labels)["pid"])
        for name, labels in samples
        if name == "narthex_process_resident_memory_bytes"
    }
    assert memory == set(server.workers)
    server.reload()
    until(lambda: server.is_whole(2))
    assert answered() == 20
    for _ in range(10):
        assert get(server.port).status == 200
    until(lambda: answered() == 30)
    assert samples["narthex_worker_restarts_total", ()] == 0
    os.kill(server.workers[0], signal.SIGKILL)
    until(lambda: figures(port)["narthex_worker_restarts_total", ()] == 1)
    until(lambda: server.is_whole(2))
    assert answered() == 30


def test_a_parent_is_ready_while_a_worker_serves(start: Starter) -> None:
    server = start("--supervise", "--management", "127.0.0.1:0")
    port = management(server)
    assert get(port, "/-/ready").status == 200
    assert get(port, "/-/live").status == 200
    os.kill(server.pid(), signal.SIGKILL)
    until(lambda: get(port, "/-/ready").status == 503)
    until(lambda: get(port, "/-/ready").status == 200)
    server.send(signal.SIGTERM)
    assert server.wait() == 0
