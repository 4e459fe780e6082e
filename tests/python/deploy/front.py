"""Programs that stand in front of servers, with the files that users are given."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from support.fronts.program import Port, Program
from support.fronts.program import find_program as program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["DEPLOY", "filled_in", "free_port", "program", "running"]

DEPLOY = Path(__file__).resolve().parents[3] / "examples" / "deploy"


def free_port() -> int:
    """A port on which nobody listens now."""
    port = Port()
    port.close()
    return port.number


def filled_in(path: Path, values: Mapping[str, str]) -> str:
    """A file with its addresses replaced, each of which must be there."""
    text = path.read_text()
    for written, wanted in values.items():
        assert written in text, f"{path} has no {written!r} any more"
        text = text.replace(written, wanted)
    return text


@contextmanager
def running(
    command: Sequence[str | Path], port: int, folder: Path, **variables: str
) -> Iterator[None]:
    """Runs a program in the foreground, from when it listens on `port`."""
    with Program(command, port, folder, variables=variables):
        yield
