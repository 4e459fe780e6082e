"""A program that is ours until it ends: httpd, for `narthex apache serve`."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
from typing import NoReturn

from narthex._init.problems import fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType
    from typing import IO

# What every MPM says when its sockets are open and its children started.
_READY = b"resuming normal operations"
# How long what httpd has started may be silent after its end.
_FAREWELL = 3
# On Linux: the signal that a process gets when the one that started it ends.
_SET_DEATH_SIGNAL = 1


class Foreground:
    """An httpd that is ours until it ends."""

    def __init__(self, program: str, file: str, addresses: Sequence[str]) -> None:
        """Keeps what it is started with.

        Args:
            program: The path of httpd.
            file: Its configuration.
            addresses: Where it listens, as is said when it does.
        """
        self._command = [program, "-DFOREGROUND", "-f", file]
        self._addresses = addresses
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = 0
        self._listens = False
        self._said: list[bytes] = []

    def run(self) -> int:
        """Runs it to its end; returns the exit status."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        if self._asked:
            return 0
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=_ours_alone(),
        )
        self._process = process
        if self._asked:
            # Between the start and the line above.
            process.terminate()
        self._pass_on(process)
        status = process.wait()
        if self._asked:
            return 0
        self._ended(status)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        """Lets running requests end; at the second time ends them."""
        self._asked += 1
        if self._process is not None and self._process.returncode is None:
            # While it starts, it does not heed SIGWINCH.
            graceful = self._asked == 1 and self._listens
            self._process.send_signal(signal.SIGWINCH if graceful else signal.SIGTERM)

    def _pass_on(self, process: subprocess.Popen[bytes]) -> None:
        """Passes on what it says, line by line, and says when it listens."""
        assert process.stdout is not None
        assert process.stderr is not None
        with selectors.DefaultSelector() as selector:
            out = _Lines(process.stdout, sys.stdout.fileno(), lambda _: None)
            err = _Lines(process.stderr, sys.stderr.fileno(), self._hear)
            for lines in (out, err):
                selector.register(lines.source, selectors.EVENT_READ, lines)
            while selector.get_map():
                ready = selector.select(_FAREWELL)
                for key, _ in ready:
                    if not key.data.pass_on():
                        selector.unregister(key.fileobj)
                if not ready and process.poll() is not None:
                    break  # something that it has started holds the pipes

    def _hear(self, line: bytes) -> None:
        self._said = [*self._said[-9:], line]
        # Restarts say it again.
        if _READY in line and not self._listens:
            self._listens = True
            for address in self._addresses:
                tell(f"listening on http://{address}")

    def _ended(self, status: int) -> NoReturn:
        """Raises the problem that it has ended by itself."""
        said = [line.decode(errors="replace") for line in self._said]
        if taken := [line for line in said if "could not bind to address" in line]:
            no_address(taken[0].rpartition("address ")[2], "it is taken")
        fail(
            "N339",
            f"httpd has ended by itself, with status {status}",
            said,
            ("narthex apache check looks for what is wrong",),
        )


def no_address(text: str, why: str) -> NoReturn:
    """Raises the problem that an address cannot be listened on."""
    fail(
        "N338",
        f"httpd cannot listen on {text}: {why}",
        (),
        ("name another address with --bind HOST:PORT",),
    )


class _Lines:
    """What comes through a pipe, cut into lines."""

    def __init__(
        self, source: IO[bytes], target: int, hear: Callable[[bytes], None]
    ) -> None:
        self.source = source
        self._target = target
        self._hear = hear
        self._rest = b""

    def pass_on(self) -> bool:
        """Passes on what there is; whether there may be more."""
        data = os.read(self.source.fileno(), 65536)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if not data and self._rest:
            lines, self._rest = [self._rest], b""
        for line in lines:
            _write(self._target, line + b"\n")
            self._hear(line)
        return bool(data)


def _write(target: int, data: bytes) -> None:
    # Nobody may be left to be told; httpd serves all the same.
    with contextlib.suppress(OSError):
        while data:
            data = data[os.write(target, data) :]


def tell(text: str) -> None:
    """Tells the user something, on standard error."""
    _write(sys.stderr.fileno(), f"narthex: {text}\n".encode(errors="surrogateescape"))


def _ours_alone() -> Callable[[], None]:
    """What a child does before it becomes httpd.

    It gets a group of its own, since httpd ends its whole group, and the keys of the
    terminal are for us: at the first Ctrl-C requests end. And it ends when we are
    killed.
    """
    set_death_signal: Callable[[], object] = int
    if sys.platform == "linux":
        import ctypes

        prctl = ctypes.CDLL(None).prctl

        def set_death_signal() -> object:
            return prctl(_SET_DEATH_SIGNAL, signal.SIGTERM)

    def prepare() -> None:
        os.setpgid(0, 0)
        set_death_signal()

    return prepare
