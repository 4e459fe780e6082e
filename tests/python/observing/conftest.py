"""The fixtures of the command, for an application of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from command.conftest import start

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["project", "start"]

APP = """\
import logging
import narthex.logging

handler = logging.StreamHandler()
handler.addFilter(narthex.logging.RequestIdFilter())
handler.setFormatter(logging.Formatter("logged %(request_id)s %(message)s"))
logging.getLogger().addHandler(handler)
logging.warning("outside")


def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/fail":
        raise RuntimeError("on purpose")
    if path == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return pieces()
    if path == "/log":
        logging.warning("inside")
    if path == "/read":
        environ["wsgi.input"].read()
    status = "404 Not Found" if path == "/missing" else "200 OK"
    start_response(status, [("Content-Type", "text/plain"), ("X-Out", "out")])
    known = environ.get("narthex.request_id", "-")
    return [f"{known} {narthex.logging.request_id()}".encode()]


def pieces():
    for number in range(3):
        logging.warning("piece %s", number)
        yield narthex.logging.request_id().encode() + b"\\n"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A directory with an application that says which request it answers."""
    (tmp_path / "app.py").write_text(APP)
    return tmp_path
