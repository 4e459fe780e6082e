"""The command ``narthex``: the way from Python into the engine, and nothing else.

A CGI program pays for each import at each request: this module imports ``sys`` alone.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import NoReturn


def main() -> NoReturn:
    """Runs the command with the arguments of this process, and exits."""
    run(sys.argv[1:])


def run(arguments: list[str]) -> NoReturn:
    """Runs the command with these arguments, and exits."""
    try:
        from narthex import _narthex
    except ImportError as error:
        sys.stderr.write(
            f"narthex: error N001: the engine cannot be loaded: {error}\n\n"
            f"  This is Python {sys.version.split()[0]} at {sys.executable}.\n"
            "  Fix: install narthex with this interpreter:\n"
            f"       {sys.executable} -m pip install --force-reinstall narthex\n"
        )
        sys.exit(1)
    sys.exit(_narthex.main(arguments))


def cold(arguments: list[str]) -> NoReturn:
    """Runs the command for one request, for which this process was started."""
    import gc

    # What such a process leaves behind is seldom worth being looked for.
    gc.set_threshold(20_000)
    from narthex import _narthex

    end(_narthex.main(arguments))


def end(status: int) -> NoReturn:
    """Ends the process without taking apart what is in its memory.

    That would cost as much as the request. What was registered to run at the end runs,
    and threads are waited for; but objects are not finalized, so that a file which is
    still open is not written out.
    """
    import os

    if threading := sys.modules.get("threading"):
        threading._shutdown()
    import atexit

    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(status)


def hold_signals(aloud: bool) -> Callable[[], None]:
    """Handles signals while the application is imported, unless it does so itself.

    HUP, USR1 and USR2 would end the process, though there is nothing to reload or
    reopen yet. INT, TERM and QUIT stop the import. What is returned ends this: from
    then on these handlers do nothing, since the engine has handlers above them. It
    stops the start if the import has caught what was to stop it.
    """
    import signal

    starting = True
    stopped = False

    def say(number: int, what: str) -> None:
        if aloud:
            name = signal.Signals(number).name
            sys.stderr.write(f"narthex: info: {name}: {what}\n")

    def ignore(number: int, _frame: FrameType | None) -> None:
        if starting:
            say(number, "ignored while starting")

    def stop(number: int, _frame: FrameType | None) -> None:
        nonlocal stopped
        if starting:
            stopped = True
            say(number, "stopping before the start")
            raise KeyboardInterrupt

    def done() -> None:
        nonlocal starting
        starting = False
        if stopped:
            raise KeyboardInterrupt

    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, ignore)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, stop)
    return done


def leave(status: int) -> None:
    """Ends the process here if requests are still running in it.

    Python's own way out would crash on their threads, which are none of its own.
    """
    import threading

    own = {
        thread.ident
        for thread in threading.enumerate()
        if not isinstance(thread, threading._DummyThread)
    }
    if own.issuperset(sys._current_frames()):
        return
    import atexit
    import os

    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(status)
