"""Files that change while they are served, and what is kept of them."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from support.messages import Request

from . import site as sites
from .site import Asked, bytes_read, memory, neighbour, value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEGABYTE = 1 << 20
SETTLED = 3.0
"""Seconds after which a file that did not change is kept."""


@pytest.fixture
def changing(tmp_path: Path) -> Iterator[tuple[Asked, Path]]:
    """A server of a folder that the test may change."""
    (tmp_path / "app.py").write_text(sites.APP)
    public = tmp_path / "public"
    public.mkdir()
    (public / "page.html").write_bytes(b"a" * 10_000)
    (public / "script.js").write_bytes(b"plain" * 1000)
    asked = sites.serve(tmp_path, "--static=/=public")
    yield asked, public
    asked.server.close()


def ask_until_settled(asked: Asked, target: str, path: Path) -> None:
    """Asks for a file until it is old enough to be kept."""
    while time.time() < path.stat().st_ctime + SETTLED:
        assert asked.get(target).status == 200
    asked.get(target)


def download(asked: Asked, target: str) -> int:
    """Reads a whole response and forgets it; returns the length of the body."""
    with asked.connect() as connection:
        closing = (("Connection", "close"),)
        connection.send(Request("GET", target, closing))
        assert connection.receive_head()[0] == 200
        received = 0
        while piece := connection.receive_some():
            received += len(piece)
    return received


def test_an_edited_file_is_served_new_at_once(changing: tuple[Asked, Path]) -> None:
    asked, public = changing
    page = public / "page.html"
    ask_until_settled(asked, "/page.html", page)
    before = bytes_read(asked.server)
    for _ in range(50):
        assert asked.get("/page.html").body == b"a" * 10_000
    assert bytes_read(asked.server) - before < 10_000, "it was not kept"
    # The same size and the same time: only the kernel's own time of change differs.
    old = page.stat()
    page.write_bytes(b"b" * 10_000)
    os.utime(page, ns=(old.st_atime_ns, old.st_mtime_ns))
    assert asked.get("/page.html").body == b"b" * 10_000
    # Another file under its name.
    ask_until_settled(asked, "/page.html", page)
    other = public / "other"
    other.write_bytes(b"c" * 10_000)
    other.rename(page)
    assert asked.get("/page.html").body == b"c" * 10_000
    page.unlink()
    assert asked.get("/page.html").body == b"app:/page.html"


def test_many_writes_within_a_moment_are_all_seen(
    changing: tuple[Asked, Path],
) -> None:
    asked, public = changing
    page = public / "page.html"
    with asked.connect() as connection:
        for number in range(300):
            content = b"%010d" % number
            page.write_bytes(content)
            request = Request("GET", "/page.html")
            assert connection.request(request).body == content


def test_neighbours_come_and_go(changing: tuple[Asked, Path]) -> None:
    asked, public = changing
    script = public / "script.js"
    gzip = neighbour(script, "gzip")
    takes = ("Accept-Encoding", "gzip")

    def coding() -> str | None:
        return value(asked.get("/script.js", takes), "content-encoding")

    deadline = script.stat().st_ctime + SETTLED
    while time.time() < deadline:
        assert coding() is None
    gzip.write_bytes(b"packed")
    patience = time.monotonic() + 20
    while coding() is None:
        assert time.monotonic() < patience, "the neighbour is never found"
    # An edit makes it stale, at once.
    later = gzip.stat().st_mtime + 5
    script.write_bytes(b"edited" * 1000)
    os.utime(script, (later, later))
    assert asked.get("/script.js", takes).body == b"edited" * 1000
    gzip.write_bytes(b"packed again")
    os.utime(gzip, (later, later))
    while coding() is None:
        assert time.monotonic() < patience, "the new neighbour is never found"
    gzip.unlink()
    assert coding() is None


def test_a_file_that_shrinks_cuts_the_connection(changing: tuple[Asked, Path]) -> None:
    asked, public = changing
    large = public / "large.bin"
    large.write_bytes(b"x" * (50 * MEGABYTE))
    with asked.connect() as connection:
        connection.send(Request("GET", "/large.bin"))
        assert connection.receive_some()
        os.truncate(large, MEGABYTE)
        received = 0
        while not connection.at_end():
            received += len(connection.receive_some())
    assert received < 50 * MEGABYTE
    asked.server.wait_for("a static file became shorter")


def test_a_file_that_is_replaced_is_sent_as_it_was(
    changing: tuple[Asked, Path],
) -> None:
    asked, public = changing
    large = public / "large.bin"
    large.write_bytes(b"x" * (20 * MEGABYTE))
    with asked.connect() as connection:
        connection.send(Request("GET", "/large.bin"))
        status, _, _ = connection.receive_head()
        other = public / "other"
        other.write_bytes(b"y" * 10)
        other.rename(large)
        received = bytearray()
        while len(received) < 20 * MEGABYTE:
            received += connection.receive_some()
    assert status == 200
    assert received == b"x" * (20 * MEGABYTE)
    assert asked.get("/large.bin").body == b"y" * 10


def test_a_directory_may_be_replaced(changing: tuple[Asked, Path]) -> None:
    asked, public = changing
    other = public.with_name("other")
    patience = time.monotonic() + 40

    def wait_for(content: bytes) -> None:
        while asked.get("/page.html").body != content:
            assert time.monotonic() < patience, f"{content!r} never comes"

    other.mkdir()
    (other / "page.html").write_bytes(b"renamed")
    public.rename(public.with_name("old"))
    other.rename(public)
    wait_for(b"renamed")
    (public / "page.html").unlink()
    public.rmdir()
    wait_for(b"app:/page.html")
    public.mkdir()
    (public / "page.html").write_bytes(b"made anew")
    wait_for(b"made anew")
    release = public.with_name("release")
    public.rename(release)
    public.symlink_to("release")
    wait_for(b"made anew")


def test_slow_readers_take_no_memory(changing: tuple[Asked, Path]) -> None:
    asked, public = changing
    large = public / "large.bin"
    with large.open("wb") as file:
        file.truncate(100 * MEGABYTE)
    asked.get("/page.html")
    before = memory(asked.server)
    readers = [asked.connect() for _ in range(24)]
    try:
        for reader in readers:
            reader.send(Request("GET", "/large.bin"))
        for reader in readers:
            assert reader.receive_some()
        # Others are served meanwhile, and whole downloads too.
        assert download(asked, "/large.bin") == 100 * MEGABYTE
        assert asked.get("/page.html").status == 200
        # A piece of 128 KiB each, and what the allocator keeps.
        assert memory(asked.server) - before < 24 * MEGABYTE
    finally:
        for reader in readers:
            reader.close()


def test_what_is_kept_is_bounded(changing: tuple[Asked, Path]) -> None:
    asked, public = changing
    size, count = 60_000, 700  # 40 MB
    for number in range(count):
        (public / f"{number}.bin").write_bytes(number.to_bytes(4, "big") * (size // 4))
    ask_until_settled(asked, f"/{count - 1}.bin", public / f"{count - 1}.bin")
    before = memory(asked.server)

    def get_all(start: int) -> None:
        with asked.connect() as connection:
            for number in [*range(start, count), *range(start)]:
                request = Request("GET", f"/{number}.bin")
                body = connection.request(request).body
                assert body == number.to_bytes(4, "big") * (size // 4)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(get_all, range(0, count, count // 8)))
    assert memory(asked.server) - before < 30 * MEGABYTE
