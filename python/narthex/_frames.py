"""Tracebacks for people: the frames of the user, and what caused what."""

from __future__ import annotations

import linecache
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, TracebackType


def say(error: BaseException) -> str:
    """The exception in a line, as the last line of a traceback has it."""
    name = type(error).__name__
    try:
        text = str(error)
    except Exception:  # the application's own method
        text = "<its text cannot be had>"
    first = text.strip().partition("\n")[0]
    return f"{name}: {first}" if first else name


def user_frames(traceback: TracebackType | None) -> list[tuple[FrameType, int]]:
    """The frames that are neither the import system's nor ours."""
    ours = str(Path(__file__).parent) + os.sep
    frames = []
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if not file.startswith(("<frozen importlib", ours)):
            frames.append((traceback.tb_frame, traceback.tb_lineno))
        traceback = traceback.tb_next
    return frames


def trace(error: BaseException) -> list[str]:
    """The frames of ``error`` and of what caused it, as lines."""
    lines = list(_frame_lines(user_frames(error.__traceback__), 5))
    for cause in _causes(error):
        lines.append(f"caused by {say(cause)}")
        lines.extend(_frame_lines(user_frames(cause.__traceback__)[-1:], 1))
    return lines


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen = {id(error)}
    for _ in range(2):
        suppressed = error.__suppress_context__
        cause = error.__cause__ or (None if suppressed else error.__context__)
        if cause is None or id(cause) in seen:
            return
        seen.add(id(cause))
        yield cause
        error = cause


def _frame_lines(frames: list[tuple[FrameType, int]], most: int) -> Iterator[str]:
    """Up to ``most`` frames: the last, and the user's own before those of libraries."""
    last = len(frames) - 1
    own = [
        number
        for number, (frame, _) in enumerate(frames)
        if number == last or not _is_library(frame.f_code.co_filename)
    ]
    shown = set(own if len(own) <= most else [own[0], *own[len(own) - most + 1 :]])
    hidden = 0
    for number, (frame, line) in enumerate(frames):
        if number not in shown:
            hidden += 1
            continue
        if hidden:
            yield f"… {hidden} frame{'s' if hidden > 1 else ''} of libraries"
            hidden = 0
        code = frame.f_code
        yield f"{code.co_filename}:{line}, in {code.co_name}"
        source = linecache.getline(code.co_filename, line, frame.f_globals).strip()
        if source:
            yield f"    {source}"


def _is_library(file: str) -> bool:
    installed = str(Path(os.__file__).parent)
    return (
        "site-packages" in file or "dist-packages" in file or file.startswith(installed)
    )
