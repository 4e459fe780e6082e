"""A child of httpd ends: what the application has registered runs, within a time."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from httpd.site import Site, has_ended, until
from support.messages import Request

_LINES = """\
LogLevel notice
NarthexPython ${PYTHON}
NarthexProcess inline
<Location /app>
    NarthexApp ${HERE}/APP
</Location>
"""
_PARTING = """\
import atexit


def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "0")])
    return []


atexit.register(print, "the end was noticed", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGWINCH])
@pytest.mark.parametrize("mpm", ["event", "prefork"])
def test_what_is_registered_runs(
    mpm: str, number: signal.Signals, tmp_path: Path
) -> None:
    (tmp_path / "parting.py").write_text(_PARTING)
    lines = _LINES.replace("APP", "parting.py")
    with Site(lines, files=tmp_path, mpm=mpm) as site:
        assert site.ask("/app").status == 200
        everything = site.everything()
        os.kill(site.httpd.pid, number)
        until(lambda: all(map(has_ended, everything)), "an end")
        site.log.wait_for("the end was noticed")


def test_a_request_that_never_ends_does_not_keep_its_child() -> None:
    """Under prefork a signal handler ends the child, on the thread that has the GIL.

    Under the others httpd waits for its threads, and kills the child in the end.
    """
    with Site(_LINES.replace("APP", "inside.py:app"), mpm="prefork") as site:
        everything = site.everything()
        with site.connect() as connection:
            connection.send(Request(target="/app/loop"))
            before = sum(map(_worked, everything))
            until(lambda: sum(map(_worked, everything)) > before + 20, "a loop")
            os.kill(site.httpd.pid, signal.SIGTERM)
            until(lambda: all(map(has_ended, everything)), "an end")
        # Not by what httpd does to those that will not end.
        assert not site.log.count("SIGKILL")


def _worked(process: int) -> int:
    """How many hundredths of a second a process has worked."""
    try:
        about = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(about[11]) + int(about[12])
