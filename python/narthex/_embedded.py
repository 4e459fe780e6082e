"""What Python has to do inside a program that is not its own, such as httpd."""

from __future__ import annotations

import signal
import sys

from narthex._resident import lead_streams

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any


def settle() -> None:
    """Makes Python at home in the process."""
    sys.stdin = open("/dev/null", encoding="utf-8")  # noqa: SIM115
    lead_streams()
    vars(signal)["signal"] = _signal


def _signal(signalnum: int, handler: Any, /) -> Any:
    """Leaves signals to the program that they belong to, and says so in the log."""
    number = signal.Signals(signalnum)
    caller: FrameType | None = sys._getframe(1)
    place = f"{caller.f_code.co_filename}:{caller.f_lineno}" if caller else "?"
    sys.stderr.write(
        f"narthex: warning: the handler of {number.name} set at {place} is ignored: "
        "signals are httpd's\n"
    )
    return signal.getsignal(number)


def end() -> None:
    """Lets the application end what it has begun: threads, and what is registered."""
    import atexit
    import threading

    # As threading._shutdown does, which from here would wait for the main thread: that
    # is one of httpd's, and waits for this one.
    for registered in reversed(getattr(threading, "_threading_atexits", ())):
        registered()
    ours = (threading.main_thread(), threading.current_thread())
    while others := [
        thread
        for thread in threading.enumerate()
        if not thread.daemon and thread not in ours
    ]:
        others[0].join()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
