"""Figures, and whether a server is alive and ready."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from command.running import PATIENCE, get, run

from .raw import request, send, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from command.conftest import Starter
    from command.running import Server

BIND = ("--bind", "127.0.0.1:0")
MANAGED = (*BIND, "--management", "127.0.0.1:0")


def management(server: Server) -> int:
    """The port of the management bind, once it is announced."""
    return int(server.wait_for(r"management on http://127\.0\.0\.1:(\d+)$")[1])


def figures(port: int) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """All samples, read by the parser of Prometheus's own client."""
    answer = get(port, "/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"] == (
        "text/plain; version=0.0.4; charset=utf-8"
    )
    families = list(text_string_to_metric_families(answer.body.decode()))
    assert all(family.documentation and family.type != "unknown" for family in families)
    samples = {}
    for family in families:
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in samples
            samples[key] = sample.value
    return samples


def requests(
    samples: dict[tuple[str, tuple[tuple[str, str], ...]], float],
) -> dict[str, float]:
    """The requests that were counted, by method and status."""
    return {
        " ".join(value for _, value in labels): count
        for (name, labels), count in samples.items()
        if name == "narthex_http_requests_total" and count
    }


@pytest.mark.parametrize("carrier", ["hyper", "tiny-http"])
def test_figures_are_exact(start: Starter, carrier: str) -> None:
    server = start("run", "app", "--backend", carrier, *MANAGED)
    port = server.wait_for_port()
    managed = management(server)
    sizes = 0
    for _ in range(7):
        sizes += len(get(port, "/").body)
    for _ in range(2):
        sizes += len(get(port, "/missing").body)
    sizes += len(get(port, "/stream").body)
    sizes += len(get(port, "/fail").body)
    head = b"POST /read HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    sizes += len(
        send(port, head + b"Content-Length: 5\r\n\r\n12345").partition(b"\r\n\r\n")[2]
    )
    send(port, b"GET / HTTP/1.1\r\nHost: a\r\nBad Field: x\r\n\r\n")  # refused
    wanted = {
        "GET 2xx": 8,
        "GET 4xx": 2,
        "GET 5xx": 1,
        "POST 2xx": 1,
        "other 4xx": 1,
    }
    wait_until(lambda: requests(figures(managed)) == wanted)
    samples = figures(managed)

    def single(name: str) -> float:
        return samples[(name, ())]

    assert single("narthex_application_errors_total") == 1
    assert single("narthex_http_requests_refused_total") == 1
    assert single("narthex_http_request_bytes_total") == 5
    assert single("narthex_connections_accepted_total") == 13
    assert single("narthex_http_requests_in_flight") == 0
    assert single("narthex_worker_restarts_total") == 0
    assert single("narthex_http_request_duration_seconds_count") == 13
    assert single("narthex_http_request_queue_seconds_count") == 12
    own = (("pid", str(server.process.pid)),)
    assert samples[("narthex_process_resident_memory_bytes", own)] > 1e6
    assert single("narthex_http_response_bytes_total") >= sizes
    previous = 0.0
    for (name, _), value in samples.items():
        if name == "narthex_http_request_duration_seconds_bucket":
            assert value >= previous
            previous = value
    assert previous == 13


def test_gauges_follow_what_happens(start: Starter, project: Path) -> None:
    held = project / "held"
    os.mkfifo(held)
    (project / "slow.py").write_text(
        "def app(environ, start_response):\n"
        f"    open({str(held)!r}).read()\n"
        "    start_response('200 OK', [])\n"
        "    return [b'x']\n"
    )
    server = start("serve", "slow", *MANAGED)
    port = server.wait_for_port()
    managed = management(server)
    asking = threading.Thread(target=get, args=(port,))
    asking.start()
    with held.open("w"):  # opens when the application does
        samples = figures(managed)
        assert samples[("narthex_http_requests_in_flight", ())] == 1
        assert samples[("narthex_connections_open", ())] == 1
        assert get(managed, "/-/ready").status == 200
        server.send(signal.SIGTERM)
        wait_until(lambda: get(managed, "/-/ready").status == 503)
        assert get(managed, "/-/ready").body == b"stopping\n"
        assert get(managed, "/-/live").status == 200
    asking.join()
    assert server.wait() == 0


def test_it_answers_before_the_application_is_there(
    start: Starter, project: Path
) -> None:
    imported = project / "imported"
    os.mkfifo(imported)
    app = (project / "app.py").read_text()
    (project / "app.py").write_text(f"open({str(imported)!r}).read()\n{app}")
    path = project / "management"
    server = start("serve", "app", *BIND, "--management", f"unix:{path}")
    with imported.open("w"):
        assert ask(path, b"/-/live").startswith(b"HTTP/1.1 200 ")
        answer = ask(path, b"/-/ready")
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert answer.endswith(b"\r\n\r\nthe application is not served\n")
    server.wait_for_port()
    server.wait_for(f"management on unix:{re.escape(str(path))}$")
    assert ask(path, b"/-/ready").startswith(b"HTTP/1.1 200 ")
    assert ask(path, b"/").startswith(b"HTTP/1.1 404 ")
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    assert not path.exists()


def ask(path: Path, target: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(str(path))
        client.sendall(request(target))
        answer = b""
        while piece := client.recv(65536):
            answer += piece
        return answer


def test_the_public_bind_tells_nothing(start: Starter) -> None:
    server = start("serve", "app", *MANAGED)
    port = server.wait_for_port()
    for target in ("/metrics", "/-/live", "/-/ready"):
        assert get(port, target).body.startswith(b"- ")  # the application's


def test_an_address_that_is_taken(project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = run("serve", "app", *BIND, "--management", address, cwd=project)
    assert ended.returncode == 1
    said = ended.stderr.decode()
    assert f"error N251: the management address {address} cannot be had" in said
    assert "listening" not in said
    assert "logged" not in said  # before the application is imported


def test_memory_stays_where_it_is(start: Starter, project: Path) -> None:
    log = str(project / "log")
    server = start(
        *("serve", "app", *MANAGED, "--access-log", log),
        *("--access-log-format", "json", *("--request-id-header", "x-request-id")),
    )
    port = server.wait_for_port()
    managed = management(server)
    own = ("narthex_process_resident_memory_bytes", (("pid", str(server.process.pid)),))

    def many(count: int) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
            ask = b"GET /same HTTP/1.1\r\nHost: a\r\n\r\n"
            reader = client.makefile("rb")
            for _ in range(count):
                client.sendall(ask)
                length = 0
                while (line := reader.readline()) != b"\r\n":
                    name, _, value = line.partition(b":")
                    if name.lower() == b"content-length":
                        length = int(value)
                reader.read(length)

    many(2000)
    before = figures(managed)[own]
    many(6000)
    assert figures(managed)[own] - before < 1 << 20
