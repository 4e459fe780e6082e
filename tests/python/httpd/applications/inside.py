"""What the tests of httpd's own work around an application ask of it, by the path."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

Environ = dict[str, Any]
PLAIN = ("Content-Type", "text/plain")
TEXT = b"".join(b"line %d of a long text\n" % number for number in range(4000))


class Answer:
    """A response as WSGI has it, with little to write."""

    def __init__(
        self, body: Iterable[bytes], status: str = "200 OK", *fields: tuple[str, str]
    ) -> None:
        """Takes the body first."""
        self.body = body
        self.status = status
        self.fields = [PLAIN, *fields]


def app(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answers as the first segment of the path says."""
    name = environ["PATH_INFO"].split("/")[1].replace("-", "_") or "env"
    answer = globals().get(f"on_{name}", on_env)(environ)
    start_response(answer.status, answer.fields)
    return answer.body  # type: ignore[no-any-return]


def on_env(environ: Environ) -> Answer:
    """All variables that are text."""
    seen = {name: value for name, value in environ.items() if isinstance(value, str)}
    return Answer([json.dumps(seen).encode()])


def on_echo(environ: Environ) -> Answer:
    """The body of the request."""
    return Answer([environ["wsgi.input"].read()])


def on_count(environ: Environ) -> Answer:
    """How long the body of the request is, read in pieces."""
    length = sum(map(len, iter(lambda: environ["wsgi.input"].read(10_000), b"")))
    return Answer([b"%d" % length])


def on_status(environ: Environ) -> Answer:
    """The status that the path says, with a body of our own."""
    status = environ["PATH_INFO"].rpartition("/")[2]
    return Answer([b"our own page"], f"{status} Said")


def on_refuse(environ: Environ) -> Answer:
    """Reads nothing of the body."""
    return Answer([b"not wanted"], "403 Forbidden")


def on_text(environ: Environ) -> Answer:
    """A text that can be made much smaller."""
    return Answer([TEXT], "200 OK", ("Content-Length", str(len(TEXT))))


def on_tagged(environ: Environ) -> Answer:
    """Knows what its client has already."""
    tag = ("ETag", '"one"')
    if environ.get("HTTP_IF_NONE_MATCH") == '"one"':
        return Answer([], "304 Not Modified", tag)
    return Answer([b"the first"], "200 OK", tag)


def on_redirect(environ: Environ) -> Answer:
    """Sends the client elsewhere on the same host."""
    return Answer([], "302 Found", ("Location", "/app/target"))


def on_process(environ: Environ) -> Answer:
    """Which process it is."""
    return Answer([b"%d" % os.getpid()])


def on_python(environ: Environ) -> Answer:
    """Which Python it is, and in what surroundings."""
    mask = os.umask(0)
    os.umask(mask)
    facts = {
        "executable": sys.executable,
        "prefix": sys.prefix,
        "version": "{}.{}".format(*sys.version_info),
        "directory": str(Path.cwd()),
        "umask": f"{mask:03o}",
        "variable": os.environ.get("SUITE_VARIABLE", ""),
        "user": str(os.geteuid()),
        "main": str(threading.current_thread() is threading.main_thread()),
        "several": str(environ["wsgi.multithread"]),
    }
    return Answer([" ".join(f"{key}={value}" for key, value in facts.items()).encode()])


def on_slow(environ: Environ) -> Answer:
    """Takes as long as the query says, in seconds."""
    time.sleep(float(environ["QUERY_STRING"]))
    return Answer([b"at last"])


def on_endless(environ: Environ) -> Answer:
    """Goes on until its client is gone, and says so."""

    def pieces() -> Iterator[bytes]:
        try:
            while True:
                yield b"x" * 10_000
        finally:
            print("the endless body was closed", file=sys.stderr, flush=True)

    return Answer(pieces())


def on_mark(environ: Environ) -> Answer:
    """What was left in a module of this process by the query of an earlier request."""
    before = getattr(sys.modules["json"], "suite_mark", "nothing")
    if environ["QUERY_STRING"]:
        json.suite_mark = environ["QUERY_STRING"]  # type: ignore[attr-defined]
    return Answer([str(before).encode()])


def on_raise(environ: Environ) -> Answer:
    """Fails."""
    raise ValueError("as it was told to")


def on_exit(environ: Environ) -> Answer:
    """Wants the interpreter to end."""
    sys.exit("as it was told to")


def on_vanish(environ: Environ) -> Answer:
    """Ends the process."""
    os._exit(3)


def on_abort(environ: Environ) -> Answer:
    """Ends the process as a crash does."""
    os.abort()


def on_loop(environ: Environ) -> Answer:
    """Never comes to an end."""
    while True:
        pass


def on_fill(environ: Environ) -> Answer:
    """Keeps as many megabytes more as the query says."""
    kept.append(b"x" * (int(environ["QUERY_STRING"]) << 20))
    return Answer([b"%d" % os.getpid()])


def on_extensions(environ: Environ) -> Answer:
    """Uses extension modules that are linked to libraries of their own."""
    import ctypes
    import decimal
    import sqlite3
    import ssl

    assert ssl.create_default_context().cert_store_stats()
    (two,) = sqlite3.connect(":memory:").execute("select 1 + 1").fetchone()
    assert ctypes.CDLL(None).getpid() == os.getpid()
    return Answer([f"{two} {decimal.Decimal(1) / 8}".encode()])


kept: list[bytes] = []
