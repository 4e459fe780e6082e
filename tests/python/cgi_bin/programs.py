"""A directory of CGI programs, a server that runs them, and how it is asked."""

from __future__ import annotations

import json
import sys
import textwrap
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from command.running import PATIENCE, Server
from support.client import Connection
from support.messages import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

APP = """\
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"app:" + environ["PATH_INFO"].encode("latin-1")]
"""

PYTHON = {
    # Everything that a program can see of its request.
    "seen.py": """
        import json, os, sys
        body = sys.stdin.buffer.read()
        environ = {k.decode("latin-1"): v.decode("latin-1")
                   for k, v in os.environb.items() if k != b"LC_CTYPE"}
        numbers = os.listdir("/proc/self/fd")
        there = [int(n) for n in numbers if os.path.exists(f"/proc/self/fd/{n}")]
        print("Content-Type: application/json")
        print("X-Twice: 1\\nX-Twice: 2\\n")
        print(json.dumps({"environ": environ, "argv": sys.argv[1:], "cwd": os.getcwd(),
                          "open": sorted(there),
                          "body": body.decode("latin-1")}))
    """,
    # As many bytes as the query says.
    "large.py": """
        import os, sys
        left = int(os.environ["QUERY_STRING"])
        sys.stdout.write("Content-Type: application/octet-stream\\n\\n")
        sys.stdout.flush()
        piece = bytes(65536)
        while left:
            left -= sys.stdout.buffer.write(piece[:left])
    """,
    # How long the body is.
    "count.py": """
        import sys
        size = 0
        while piece := sys.stdin.buffer.read(65536):
            size += len(piece)
        print(f"Content-Type: text/plain\\n\\n{size}", end="")
    """,
    # What its query says, as it is.
    "says.py": """
        import os, sys, urllib.parse
        text = urllib.parse.unquote_to_bytes(os.environ["QUERY_STRING"])
        sys.stdout.buffer.write(text)
    """,
}
SHELL = {
    "hello world.sh": r"printf 'Content-Type: text/plain\n\nhello from %s' "
    '"$SCRIPT_NAME"',
    # Two lines; between them it waits until the file `go` is there.
    "steps": r"""
        printf 'Content-Type: text/plain\n\nfirst\n'
        until [ -e "$QUERY_STRING" ]; do sleep 0.05; done
        echo second
    """,
    # Says who it is and what it has started, and never ends.
    "forever": r"""
        sleep 1000 &
        echo "$$ $!" > "$QUERY_STRING.tmp"; mv "$QUERY_STRING.tmp" "$QUERY_STRING"
        printf 'Content-Type: text/plain\n\n'
        while :; do echo more; sleep 0.1; done
    """,
    "silent": r"""
        sleep 1000 &
        echo "$$ $!" > "$QUERY_STRING.tmp"; mv "$QUERY_STRING.tmp" "$QUERY_STRING"
        wait
    """,
    # Ends at SIGKILL only, and so do those it has started.
    "stubborn": r"""
        trap '' TERM
        sleep 1000 &
        echo "$$ $!" > "$QUERY_STRING.tmp"; mv "$QUERY_STRING.tmp" "$QUERY_STRING"
        while :; do sleep 0.1; done
    """,
    "complains": r"""
        printf 'one\ntwo \377 "three"\n' >&2
        printf 'no line end' >&2
        printf 'Content-Type: text/plain\n\nfine'
    """,
    "local": r"echo 'Location: /cgi-bin/seen.py/from/local?a=1'; "
    "echo 'Set-Cookie: a=1'; echo",
    "to-app": "echo 'Location: /page'; echo; echo 'nobody reads this'",
    "loop": "echo 'Location: /cgi-bin/loop'; echo",
    "crash": r"printf 'Content-Type: text/plain\n\nhalf'; kill -SEGV $$",
    "nph-old": r"printf 'HTTP/1.0 200 OK\r\n\r\n'",
    ".hidden": r"printf 'Content-Type: text/plain\n\nhidden'",
    "deep/er/prog": r"printf 'Content-Type: text/plain\n\n'; pwd; echo $PATH_INFO",
    "plain.txt": "echo",
}
RAW = {
    "missing": "#!/no/such/interpreter\n",
    "missing-by-env": "#!/usr/bin/env no-such-interpreter\n",
    "windows": "#!/bin/sh\r\necho\r\n",
    "windows-by-env": "#!/usr/bin/env sh\r\necho\r\n",
    "no-shebang": "echo hello\n",
}


class Site(NamedTuple):
    """A running server, and where its programs lie."""

    server: Server
    port: int
    folder: Path

    def connect(self) -> Connection:
        return Connection(("127.0.0.1", self.port))

    def get(
        self,
        target: str,
        *headers: tuple[str, str],
        method: str = "GET",
        body: bytes = b"",
        chunked: bool = False,
    ) -> Response:
        """Asks for a target, which goes out as it is."""
        with self.connect() as connection:
            request = Request(method, target, headers, body, chunked=chunked)
            return connection.request(request)

    def seen(
        self,
        target: str,
        *headers: tuple[str, str],
        method: str = "GET",
        body: bytes = b"",
        chunked: bool = False,
    ) -> Seen:
        """What a program sees of a request."""
        response = self.get(target, *headers, method=method, body=body, chunked=chunked)
        assert response.status == 200, response
        return Seen(**json.loads(response.body))


class Seen(NamedTuple):
    """What `seen.py` saw."""

    environ: dict[str, str]
    argv: list[str]
    cwd: str
    open: list[int]
    body: str


def build(folder: Path) -> Path:
    """Puts every program into `cgi-bin` of a folder, beside an application."""
    (folder / "app.py").write_text(APP)
    (folder / "secret").write_text("#!/bin/sh\n")
    (folder / "secret").chmod(0o755)
    directory = folder / "cgi-bin"
    (directory / "deep/er").mkdir(parents=True)
    texts = {
        **{name: f"#!{sys.executable} -IS\n{dedent(t)}" for name, t in PYTHON.items()},
        **{name: f"#!/bin/sh\n{dedent(text)}" for name, text in SHELL.items()},
        **RAW,
    }
    for name, text in texts.items():
        path = directory / name
        path.write_bytes(text.encode())
        path.chmod(0o644 if name == "plain.txt" else 0o755)
    (directory / "link").symlink_to("deep/er/prog")
    (directory / "link-out").symlink_to("../secret")
    return folder


def dedent(text: str) -> str:
    return textwrap.dedent(text).strip() + "\n"


@contextmanager
def serving(
    folder: Path,
    *options: str,
    app: Sequence[str] = (),
    env: dict[str, str] | None = None,
) -> Iterator[Site]:
    """Runs a server of the programs in a folder."""
    words = ("serve", *app, "--cgi-bin", "cgi-bin", "--bind", "127.0.0.1:0")
    server = Server(*words, *options, cwd=folder, env=env)
    try:
        yield Site(server, server.wait_for_port(), folder)
    finally:
        server.close()


def wait_until(true: Callable[[], bool], what: str) -> None:
    """Waits for something that nobody tells of."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def processes(path: Path) -> list[int]:
    """The processes that a program has written down."""
    wait_until(path.exists, f"no {path}")
    return [int(word) for word in path.read_text().split()]


def runs(process: int) -> bool:
    """Whether a process is there and does something: a zombie does not."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def children(server: Server) -> list[int]:
    """The children of a server, zombies among them."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[1]) == server.process.pid:
                found.append(int(entry.name))
    return found


def memory(server: Server) -> int:
    """The resident memory of a server in bytes."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024
