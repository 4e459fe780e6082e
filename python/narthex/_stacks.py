"""Python stacks of running requests, for the log.

Imported before the first request: when it is called, threads may be stuck anywhere, the
import system included.
"""

from __future__ import annotations

import faulthandler
import signal
import sys
import threading
import traceback
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

_COMMAND = str(Path(__file__).with_name("_command.py"))


def show_crashes() -> None:
    """Makes a crash write the stacks to standard error, unless that is seen to."""
    if not faulthandler.is_enabled():
        # Not sys.stderr: an application may replace or close that.
        faulthandler.enable(file=2)


def register(descriptor: int) -> int:
    """Has the stacks of all threads written to `descriptor` at some signal.

    Returns:
        The first real-time signal from SIGRTMIN + 10 on that nobody uses; 0 if there is
        none.
    """
    used = _used_signals()
    for number in range(signal.SIGRTMIN + 10, signal.SIGRTMAX + 1):
        free = signal.getsignal(number) is signal.SIG_DFL
        if free and not used >> (number - 1) & 1:
            faulthandler.register(number, file=descriptor, all_threads=True)
            return number
    return 0


def _used_signals() -> int:
    """Returns the signals that something handles, ignores or blocks, as a mask."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    used = 0
    for name in ("SigCgt", "SigIgn", "SigBlk"):
        used |= int(fields.get(name, "0"), 16)
    return used


def of_thread(ident: int) -> str:
    """Formats the stack of a thread, the innermost frame last."""
    frame = sys._current_frames().get(ident)
    if frame is None:
        return "no stack: the thread is not in Python"
    return _formatted(frame)


def of_all(stuck: Sequence[int]) -> str:
    """Formats the stacks of all threads in code not ours, those of `stuck` first."""
    frames = sys._current_frames()
    asking = threading.get_ident()
    others = [it for it in frames if it not in stuck and it != asking]
    parts = []
    for ident in [*stuck, *others]:
        frame = frames.get(ident)
        stack = "" if frame is None else _formatted(frame)
        if stack:
            # Not by `threading.enumerate`: that takes a lock.
            thread = threading._active.get(ident)  # type: ignore[attr-defined]
            name = "" if thread is None else f" {thread.name!r}"
            mark = ", past its deadline" if ident in stuck else ""
            parts.append(f"Thread 0x{ident:016x}{name}{mark}:\n{stack}")
        elif ident in stuck:
            parts.append(f"Thread 0x{ident:016x} is not in Python")
    return "\n".join(parts)


def _formatted(frame: FrameType) -> str:
    frames = traceback.extract_stack(frame)
    # The main thread: whatever led to the command, and the command.
    ours = [at for at, frame in enumerate(frames) if frame.filename == _COMMAND]
    if ours:
        del frames[: ours[-1] + 1]
    return "".join(traceback.format_list(frames)).rstrip()
