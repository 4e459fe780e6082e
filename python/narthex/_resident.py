"""What Python has to do with the process that stays and answers CGI requests."""

from __future__ import annotations

import io
import os
import sys

from narthex import _narthex


def settle(script: str) -> None:
    """Makes the process look as if it had been started for a script."""
    sys.argv = [os.fspath(script)]


class ErrorStream(io.TextIOBase):
    """What an application prints: for the web server that has sent its request.

    Whole lines are written at once; outside of a request they go to the log of the
    process.
    """

    encoding = "utf-8"
    errors = "backslashreplace"

    def write(self, text: str, /) -> int:
        """Writes text."""
        _narthex.write_errors(text.encode(self.encoding, self.errors))
        return len(text)

    def writable(self) -> bool:
        """Whether it can be written to: always."""
        return True

    def fileno(self) -> int:
        """The descriptor of the log of the process."""
        return 2


def lead_streams() -> None:
    """Leads what is printed during a request to the web server's log."""
    sys.stdout = sys.stderr = ErrorStream()


def freeze() -> None:
    """Makes the forks of this process share its memory for as long as they can."""
    import gc

    gc.collect()
    gc.freeze()


def begin(streams: tuple[int, int, int], variables: bytes) -> None:
    """Turns a fork into the CGI program of one request."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.environ.clear()
    for variable in variables.split(b"\0"):
        name, separator, value = variable.partition(b"=")
        # What clients send as `Proxy` is not for HTTP clients (CVE-2016-5385).
        if separator and name and name != b"HTTP_PROXY":
            os.environb[name] = value
    # The standard library's own generators know of forks.
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()
