"""An application that sends and takes bodies of any size."""

from __future__ import annotations

import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _typeshed.wsgi import StartResponse

PIECE = bytes(range(256)) * 256


def application(
    environ: dict[str, Any], start_response: StartResponse
) -> Iterable[bytes]:
    """Sends QUERY_STRING bytes, counts those that it is sent, or waits for a file."""
    headers = [("Content-Type", "application/octet-stream")]
    if environ["PATH_INFO"] == "/fail":
        folder, piece, *length = environ["QUERY_STRING"].split("&")
        start_response(
            "200 OK", [*headers, *[("Content-Length", "1000")] * len(length)]
        )
        return _fail(Path(folder), piece.encode())
    start_response("200 OK", headers)
    if environ["PATH_INFO"] == "/wait":
        return [_wait(Path(environ["QUERY_STRING"]))]
    if environ["REQUEST_METHOD"] == "GET":
        return _pieces(int(environ["QUERY_STRING"]))
    length, check = 0, 0
    while data := environ["wsgi.input"].read(65536):
        length += len(data)
        check = zlib.crc32(data, check)
    return [f"{length} {check}".encode()]


def _pieces(length: int) -> Iterator[bytes]:
    for _ in range(length // len(PIECE)):
        yield PIECE


def _fail(folder: Path, piece: bytes) -> Iterator[bytes]:
    yield piece
    while not (folder / "go").exists():
        time.sleep(0.01)
    raise RuntimeError("after the beginning")


def _wait(folder: Path) -> bytes:
    (folder / "begun").touch()
    while not (folder / "go").exists():
        time.sleep(0.01)
    return b"finished"
