"""A site with files of every kind, and how it is asked."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from command.running import Server
from support.client import Connection
from support.messages import Request, Response

APP = """\
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"app:" + environ["PATH_INFO"].encode("latin-1")]
"""
CSS = b"body { color: black }\n"
SCRIPT = b"console.log('plain')\n" * 20
ENCODED = {"br": b"as brotli", "gzip": b"as gzip", "zstd": b"as zstd"}
EXTENSIONS = {"br": ".br", "gzip": ".gz", "zstd": ".zst"}
INDEX = b"<h1>index</h1>\n"
LARGE = bytes(range(256)) * 1024
SECRET = b"nobody may see this"
LONG = 1_000_000_000
"""The time of the last change of files that were not changed lately."""


class Asked(NamedTuple):
    """A server, and how to ask it."""

    server: Server
    port: int

    def connect(self) -> Connection:
        return Connection(("127.0.0.1", self.port))

    def get(
        self, target: str, *headers: tuple[str, str], method: str = "GET"
    ) -> Response:
        """Asks for a target, which goes out as it is."""
        with self.connect() as connection:
            return connection.request(Request(method, target, headers))


def value(response: Response, name: str) -> str | None:
    """The one value of a field."""
    values = response.all(name)
    assert len(values) < 2, f"{name}: {values}"
    return values[0] if values else None


def serve(
    folder: Path,
    *options: str,
    env: dict[str, str] | None = None,
    before: Sequence[str] = (),
) -> Asked:
    """Starts a server in a folder of `build`'s, by a command `before` it."""
    words = ("serve", "app.py", "--bind", "127.0.0.1:0", "--log-level", "debug")
    server = Server(*words, *options, cwd=folder, env=env, before=before)
    try:
        return Asked(server, server.wait_for_port())
    except BaseException:
        server.close()
        raise


def build(folder: Path) -> Path:
    """Makes an application, a folder `public`, and what lies beside it."""
    (folder / "app.py").write_text(APP)
    (folder / "secret.txt").write_bytes(SECRET)
    public = folder / "public"
    for name in ("docs", "bare", ".git", ".well-known", "a b"):
        (public / name).mkdir(parents=True)
    files = {
        "app.css": CSS,
        "app.js": SCRIPT,
        "stale.js": SCRIPT,
        "lone.js": SCRIPT,
        "empty.txt": b"",
        "large.bin": LARGE,
        "large.js": LARGE,
        "docs/index.html": INDEX,
        "a b/ü.txt": CSS,
        "a..b.css": CSS,
        "no-extension": CSS,
        "archive.tar.gz": b"packed",
        "UPPER.CSS": CSS,
        "n" * 251 + ".css": CSS,
        ".env": SECRET,
        ".git/config": SECRET,
        ".well-known/token": CSS,
        "back\\slash.css": CSS,
        "percent%41.css": CSS,
    }
    for name, content in files.items():
        (public / name).write_bytes(content)
    (public / os.fsdecode(b"\xff.css")).write_bytes(CSS)
    for coding, content in ENCODED.items():
        neighbour(public / "app.js", coding).write_bytes(content)
    neighbour(public / "large.js", "gzip").write_bytes(LARGE[::-1])
    for path in public.rglob("*"):
        os.utime(path, (LONG, LONG))
    stale = neighbour(public / "stale.js", "gzip")
    stale.write_bytes(ENCODED["gzip"])
    os.utime(stale, (LONG - 60, LONG - 60))
    os.mkfifo(public / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(public / "socket"))
    links = {
        "link-in.css": "app.css",
        "link-out.txt": "../secret.txt",
        "link-absolute-in.css": str(public / "app.css"),
        "link-absolute-out": "/etc",
        "link-up": "..",
        "link-loop": "link-loop",
        "link-device": "/dev/zero",
    }
    for name, target in links.items():
        (public / name).symlink_to(target)
    return folder


def neighbour(path: Path, coding: str) -> Path:
    """Where the compressed form of a file lies."""
    return path.with_name(path.name + EXTENSIONS[coding])


def memory(server: Server) -> int:
    """The resident memory of a server in bytes."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def bytes_read(server: Server) -> int:
    """How many bytes a server has read from files; sockets do not count."""
    counts = Path(f"/proc/{server.process.pid}/io").read_text()
    return int(counts.split()[1])
