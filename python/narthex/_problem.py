"""A problem at the start, and how it is shown: one screen, a stable code."""

from __future__ import annotations

import html
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_LINES = 24
"""A message fits this many lines, so that it fits a screen."""


class Problem:
    """Why the start failed.

    Attributes:
        code: Stable code, such as ``N101``.
        title: What is wrong, in a line.
        details: Where, and what is there instead.
        fixes: What to do about it.
    """

    def __init__(
        self, code: str, title: str, details: Iterable[str], fixes: Iterable[str]
    ) -> None:
        self.code = code
        self.title = title
        self.details = list(details)
        self.fixes = list(fixes)

    def summary(self) -> str:
        """The problem in a line: its code, its title and the first place named."""
        places = (
            line.strip() for line in self.details if ":" in line and os.sep in line
        )
        place = next(places, "")
        return f"{self.code}: {self.title}" + (f" ({place})" if place else "")


def render(problem: Problem, color: bool = False) -> str:
    """The message for a terminal or a log."""
    red, green, plain = ("\x1b[1;31m", "\x1b[32m", "\x1b[0m") if color else ("", "", "")
    room = MOST_LINES - 4 - len(problem.fixes)
    details = problem.details
    if len(details) > room:
        left = len(details) - room + 1
        details = [*details[: room - 1], f"… and {left} more lines"]
    lines = [f"{red}narthex: error {problem.code}:{plain} {_clean(problem.title)}"]
    if details:
        lines.append("")
        lines.extend(f"  {_clean(line)}".rstrip() for line in details)
    if problem.fixes:
        lines.append("")
        for number, fix in enumerate(problem.fixes):
            label = f"{green}Fix:{plain}" if number == 0 else "    "
            lines.append(f"  {label} {_clean(fix)}")
    return "\n".join(lines) + "\n"


def wants_color() -> bool:
    """Whether standard error is a terminal whose user does not object to colours."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    try:
        return os.isatty(2)
    except OSError:
        return False


def page(problem: Problem) -> bytes:
    """The message for a browser."""
    from narthex import _debug

    parts = [f"<h1><code>{problem.code}</code> {html.escape(problem.title)}</h1>"]
    if problem.details:
        text = html.escape("\n".join(problem.details))
        parts.append(f'<pre class="frame">{text}</pre>')
    if problem.fixes:
        parts.append("<h2>What to do</h2><ul>")
        parts.extend(f"<li>{html.escape(fix.strip())}</li>" for fix in problem.fixes)
        parts.append("</ul>")
    parts.append(
        "<p>This page goes away when the files change and the start succeeds.</p>"
    )
    return _debug.document(f"{problem.code}: {problem.title}", "\n".join(parts))


def _clean(line: str) -> str:
    """A line without anything that a terminal would obey."""
    return "".join(
        letter if letter.isprintable() else repr(letter)[1:-1] for letter in line
    )
