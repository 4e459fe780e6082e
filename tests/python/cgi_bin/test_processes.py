"""Processes end when they should, and not before."""

from __future__ import annotations

import select
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from command.running import PATIENCE
from support.messages import Request

from . import programs
from .programs import Site, processes, runs, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGE = 100 * 1024 * 1024


def gone(found: list[int]) -> None:
    """Waits until no process is left of these."""
    assert found
    wait_until(lambda: not any(map(runs, found)), f"{found} still run")


def test_the_first_byte_does_not_wait_for_the_last(site: Site, tmp_path: Path) -> None:
    go = tmp_path / "go"
    with site.connect() as connection:
        connection.send(Request("GET", f"/cgi-bin/steps?{go}"))
        assert connection.receive_head()[0] == 200
        seen = b""
        while b"first" not in seen:
            seen += connection.receive_some()
        assert b"second" not in seen
        go.touch()
        while b"second" not in seen:
            seen += connection.receive_some()


@pytest.mark.parametrize("program", ["forever", "silent"])
def test_a_client_that_vanishes_ends_it_and_its_children(
    site: Site, tmp_path: Path, program: str
) -> None:
    with site.connect() as connection:
        connection.send(Request("GET", f"/cgi-bin/{program}?{tmp_path}/ids"))
        found = processes(tmp_path / "ids")
        assert all(map(runs, found))
        connection.reset()
    gone(found)


def test_so_does_one_that_hangs_up(site: Site, tmp_path: Path) -> None:
    with site.connect() as connection:
        connection.send(Request("GET", f"/cgi-bin/silent?{tmp_path}/ids"))
        found = processes(tmp_path / "ids")
    gone(found)


def test_so_does_one_of_http2(site: Site, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{site.port}/cgi-bin/silent?{tmp_path}/ids"
    with subprocess.Popen(["curl", "-s", "--http2-prior-knowledge", url]) as curl:
        found = processes(tmp_path / "ids")
        curl.kill()
    gone(found)


def test_one_that_does_not_want_to_end(site: Site, tmp_path: Path) -> None:
    with site.connect() as connection:
        connection.send(Request("GET", f"/cgi-bin/stubborn?{tmp_path}/ids"))
        found = processes(tmp_path / "ids")
        connection.reset()
    gone(found)


def test_a_client_that_breaks_off_its_body(site: Site, tmp_path: Path) -> None:
    with site.connect() as connection:
        request = f"/cgi-bin/silent?{tmp_path}/ids"
        connection.send_raw(
            f"POST {request} HTTP/1.1\r\nHost: a\r\nContent-Length: 999999\r\n\r\n"
            f"{'x' * 100_000}".encode()
        )
        found = processes(tmp_path / "ids")
        connection.reset()
    gone(found)


def test_one_that_is_too_slow(folder: Path, tmp_path: Path) -> None:
    with programs.serving(folder, "--cgi-timeout=2") as site:
        response = site.get(f"/cgi-bin/silent?{tmp_path}/ids")
        assert response.status == 504
        site.server.wait_for("error: cgi-bin/silent: it wrote nothing for 2 s")
        gone(processes(tmp_path / "ids"))
        # Who has begun is cut.
        response = site.get("/cgi-bin/steps?/no/such/file")
        assert (response.body, response.complete) == (b"first\n", False)
        # Who writes now and then has the time it needs.
        with site.connect() as connection:
            connection.send(Request("GET", f"/cgi-bin/forever?{tmp_path}/other"))
            begun = time.monotonic()
            seen = b""
            while seen.count(b"more") < 22:
                seen += connection.receive_some()
            assert time.monotonic() - begun > 2
        gone(processes(tmp_path / "other"))


def test_stopping_ends_all(folder: Path, tmp_path: Path) -> None:
    with programs.serving(folder, "--graceful-timeout=0.5") as site:
        connections = [site.connect() for _ in range(3)]
        for number, name in enumerate(("silent", "forever", "stubborn")):
            target = f"/cgi-bin/{name}?{tmp_path}/{number}"
            connections[number].send(Request("GET", target))
        found = [id_ for n in range(3) for id_ in processes(tmp_path / str(n))]
        assert all(map(runs, found))
        site.server.send(signal.SIGTERM)
        assert site.server.wait() == 0
        assert not any(map(runs, found))
        for connection in connections:
            connection.close()


def test_stopping_at_once_ends_all(folder: Path, tmp_path: Path) -> None:
    with programs.serving(folder) as site, site.connect() as connection:
        connection.send(Request("GET", f"/cgi-bin/stubborn?{tmp_path}/ids"))
        found = processes(tmp_path / "ids")
        site.server.send(signal.SIGQUIT)
        assert site.server.wait() == 0
        assert not any(map(runs, found))


def test_many_at_once(site: Site) -> None:
    with ThreadPoolExecutor(20) as pool:
        targets = [f"/cgi-bin/seen.py?{number}" for number in range(20)]
        seen = list(pool.map(site.seen, targets))
    assert [it.environ["QUERY_STRING"] for it in seen] == [str(n) for n in range(20)]
    wait_until(lambda: programs.children(site.server) == [], "zombies are left")


def test_a_bounded_number_runs(folder: Path, tmp_path: Path) -> None:
    go = tmp_path / "go"
    with (
        programs.serving(folder, "--cgi-limit=1") as site,
        site.connect() as first,
        site.connect() as second,
        site.connect() as third,
    ):
        first.send(Request("GET", f"/cgi-bin/steps?{go}"))
        assert first.receive_head()[0] == 200
        others = {connection.socket: connection for connection in (second, third)}
        for other in others.values():
            other.send(Request("GET", "/cgi-bin/seen.py"))
        # One of them waits, the other may not.
        [ready], _, _ = select.select(list(others), [], [], PATIENCE)
        response = others.pop(ready).receive()
        assert (response.status, response.header("retry-after")) == (503, "1")
        site.server.wait_for("too many programs run: see --cgi-limit")
        go.touch()
        [waiting] = others.values()
        assert waiting.receive().status == 200


def test_standard_error_is_in_the_log(folder: Path) -> None:
    with programs.serving(folder, "--request-id-header=X-Request-ID") as site:
        response = site.get("/cgi-bin/complains")
        assert response.text == "fine"
        name = response.header("x-request-id")
        for line in ("one", r'two \\xff "three"', "no line end"):
            site.server.wait_for(
                rf"^narthex: warning: cgi-bin/complains: {line} \[{name}\]$"
            )


def test_failures_do_not_fill_the_log(folder: Path) -> None:
    with programs.serving(folder) as site, ThreadPoolExecutor(8) as pool:
        statuses = set(
            pool.map(lambda _: site.get("/cgi-bin/missing").status, range(90))
        )
        assert statuses == {500}
        site.server.send(signal.SIGTERM)
        assert site.server.wait() == 0
        lines = [line for line in site.server.said if "error: cgi-bin/missing" in line]
        assert len(lines) == 60


def test_a_large_download_in_flat_memory(site: Site) -> None:
    site.get("/cgi-bin/large.py?100000")
    before = programs.memory(site.server)
    highest = received = 0
    with site.connect() as connection:
        connection.send(
            Request("GET", f"/cgi-bin/large.py?{LARGE}", version="HTTP/1.0")
        )
        assert connection.receive_head()[0] == 200
        while data := connection.receive_some():
            if received // 2**24 != (received + len(data)) // 2**24:
                highest = max(highest, programs.memory(site.server))
            received += len(data)
    assert received == LARGE
    assert highest - before < 8 * 1024 * 1024


def test_a_slow_reader_holds_up_the_program_not_memory(site: Site) -> None:
    site.get("/cgi-bin/large.py?100000")
    before = programs.memory(site.server)
    with site.connect() as connection:
        connection.send(Request("GET", f"/cgi-bin/large.py?{LARGE}"))
        assert connection.receive_head()[0] == 200
        time.sleep(1)  # in which a fast reader has it all
        assert programs.memory(site.server) - before < 8 * 1024 * 1024


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_upload_in_flat_memory(site: Site, chunked: bool) -> None:
    site.get("/cgi-bin/count.py", method="POST", body=b"x" * 200_000)
    before = programs.memory(site.server)
    highest = 0
    piece = bytes(2**20)

    def pieces() -> Iterator[bytes]:
        nonlocal highest
        for number in range(LARGE // len(piece)):
            if number % 16 == 0:
                highest = max(highest, programs.memory(site.server))
            yield piece

    with site.connect() as connection:
        length = None if chunked else LARGE
        request = Request(
            *("POST", "/cgi-bin/count.py"),
            body=pieces(),
            length=length,
            chunked=chunked,
        )
        assert connection.request(request).text == str(LARGE)
    assert highest - before < 8 * 1024 * 1024
