"""Where the programs and modules are that are not Python's."""

from __future__ import annotations

import os
from pathlib import Path

_LAID = Path(__file__).parents[3] / "python/narthex/_native"


def broker() -> str:
    """The path of narthex-broker: the one named, or laid into the package.

    Raises:
        AssertionError: There is none.
    """
    if named := os.environ.get("NARTHEX_BROKER_PROGRAM"):
        return named
    import narthex

    package = Path(narthex.__file__).parent / "_native"
    for folder in (package, _LAID):
        if (folder / "narthex-broker").exists():
            return str(folder / "narthex-broker")
    raise AssertionError("no narthex-broker in narthex/_native: name it or build it")
