"""Applications that look for what is left of earlier requests."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from support.cases import PLAIN, Cases, Environ

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

application = Cases()


@application.case
def dump(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answers with every variable that is text."""
    strings = {name: value for name, value in environ.items() if type(value) is str}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(strings).encode()]


@application.case
def spoil(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Changes everything in its environ, and says whether somebody else has."""
    spoilt = "spoilt" in environ or "spoilt" in environ.values()
    others = [
        found
        for found in gc.get_referrers(environ)
        if type(found) is dict or type(found) is list
    ]
    for name in environ:
        environ[name] = "spoilt"
    environ["spoilt"] = "yes"
    del environ["HTTP_USER_AGENT"]
    start_response("200 OK", PLAIN)
    mine = "not mine" if others else "mine"
    return [f"{'spoilt' if spoilt else 'unspoilt'}, {mine}".encode()]


@application.case
def count(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Counts the environs of others with `X-Mark`, and the growth of blocks."""
    environs = [
        found
        for found in gc.get_objects()
        if type(found) is dict and "HTTP_X_MARK" in found and found is not environ
    ]
    blocks = sys.getallocatedblocks()
    if not _BLOCKS:
        _BLOCKS.append(blocks)
    start_response("200 OK", PLAIN)
    return [f"{len(environs)} {blocks - _BLOCKS[0]}".encode()]


@application.case
def written(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Writes 50 MiB, and at the end by how many KiB memory grew meanwhile."""
    pieces = 800
    length = pieces * len(PIECE) + 10
    write = start_response("200 OK", [*PLAIN, ("Content-Length", str(length))])
    before = most = resident()
    for _ in range(pieces):
        write(PIECE)
        most = max(most, resident())
    write(f"{most - before:10}".encode())
    return []


def resident() -> int:
    """Returns the KiB of memory that this process has."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError


PIECE = bytes(1 << 16)
_BLOCKS: list[int] = []
