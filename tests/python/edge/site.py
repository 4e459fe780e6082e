"""The application behind the edge."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from narthex import Transaction

PIECE = b"x" * 65536
PIECES = 800


def big() -> Iterator[bytes]:
    for _ in range(PIECES):
        yield PIECE


def quiet() -> Iterator[bytes]:
    for _ in range(4):
        yield b"a"
        time.sleep(1)


def cut() -> Iterator[bytes]:
    yield b"half of it"
    raise RuntimeError("cut on purpose")


def uploaded(environ: dict[str, Any]) -> Iterator[bytes]:
    count = 0
    while piece := environ["wsgi.input"].read(65536):
        count += len(piece)
    yield str(count).encode()


def environment(environ: dict[str, Any]) -> Iterator[bytes]:
    plain = {key: value for key, value in environ.items() if isinstance(value, str)}
    yield json.dumps(plain).encode()


def app(
    environ: dict[str, Any], start_response: Callable[..., object]
) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    match environ["PATH_INFO"]:
        case "/big":
            return big()
        case "/quiet":
            return quiet()
        case "/cut":
            return cut()
        case "/upload":
            return uploaded(environ)
        case "/environment":
            return environment(environ)
        case "/whole":
            return [b"y" * 400_000]
        case _:
            return [b"hello"]


def native(t: Transaction) -> dict[str, Any]:
    return {"scheme": t.scheme, "native": dict(t.native.variables) or None}
