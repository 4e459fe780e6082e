"""Where the program is that web servers start for CGI."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_LAID = Path(__file__).parents[3] / "python/build/narthex.data/scripts/narthex-cgi"


def program() -> str:
    """The path of narthex-cgi: the one named, installed, or built last.

    Raises:
        AssertionError: There is none.
    """
    if named := os.environ.get("NARTHEX_CGI_PROGRAM"):
        return named
    for path in (Path(sys.executable).with_name("narthex-cgi"), _LAID):
        if path.exists():
            return str(path)
    raise AssertionError("no narthex-cgi: run python/build/narthex_build.py")
