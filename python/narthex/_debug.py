"""The page that a developer sees instead of "Internal Server Error".

It only shows: nothing on it runs code, nothing is loaded from elsewhere, and everything
that came from the application or the client is escaped. Values of variables are not
shown, since asking an object how it looks runs its code.
"""

from __future__ import annotations

import html
import linecache
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, TracebackType

CONTEXT = 4
"""Lines of source shown before and after the one that failed."""

MOST_FRAMES = 40
"""Frames shown of one exception: a recursion has thousands."""

STYLE = """
:root { color-scheme: light dark; --line: #8884; --mark: #e5484d22; --red: #c62a2f; }
@media (prefers-color-scheme: dark) { :root { --red: #ff8b8d; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
       padding: 0 1rem; }
h1 { font-size: 1.5rem; color: var(--red); overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin-top: 2rem; }
pre, code { font: 13px/1.5 ui-monospace, monospace; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; }
details, pre.frame { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0;
                     padding: .5rem .75rem; }
summary { cursor: pointer; overflow-wrap: anywhere; }
summary small, footer { opacity: .7; }
.at { background: var(--mark); display: block; }
.number { display: inline-block; min-width: 3.5em; opacity: .5; user-select: none; }
th { text-align: left; vertical-align: top; padding-right: 1.5rem; font-weight: 600; }
td { overflow-wrap: anywhere; }
footer { margin-top: 2rem; border-top: 1px solid var(--line); font-size: .85rem; }
"""


def page(exc: BaseException, request: dict[str, str], backend: str) -> bytes:
    """The page for an exception.

    Args:
        exc: What the application raised.
        request: Facts of the request, shown in this order.
        backend: Name of the backend that the request came through.
    """
    title = describe(exc)
    parts = [f"<h1>{html.escape(title)}</h1>"]
    for number, (relation, error) in enumerate(_chain(exc)):
        if number:
            parts.append(f"<h2>{relation} {html.escape(describe(error))}</h2>")
        parts.extend(_frames(error.__traceback__))
    parts.append("<h2>Request</h2><table>")
    for name, value in {**request, "backend": backend}.items():
        parts.append(
            f"<tr><th>{html.escape(name)}</th>"
            f"<td><code>{html.escape(value)}</code></td></tr>"
        )
    text = html.escape("".join(_plain(exc)))
    parts.append("</table><h2>As text</h2>")
    parts.append(f"<details><summary>Traceback</summary><pre>{text}</pre></details>")
    return document(title, "\n".join(parts))


def document(title: str, body: str) -> bytes:
    """A whole page.

    Args:
        title: As text.
        body: As HTML.
    """
    version = sys.version.split()[0]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n<footer><p>narthex, Python {version} at "
        f"{html.escape(sys.executable)}. Only local users see this page, and only in "
        "development.</p></footer>\n</body>\n</html>\n"
    ).encode("utf-8", "backslashreplace")


def describe(error: BaseException) -> str:
    """The exception as the last line of a traceback has it."""
    try:
        text = str(error)
    except Exception:  # the application's own method
        text = "<its text cannot be had>"
    name = type(error).__qualname__
    return f"{name}: {text}" if text else name


def _chain(exc: BaseException) -> Iterator[tuple[str, BaseException]]:
    """The exception, then what came before it, each with how they hang together."""
    seen: set[int] = set()
    relation, error = "", exc
    while id(error) not in seen and len(seen) < 10:
        seen.add(id(error))
        yield relation, error
        if error.__cause__ is not None:
            relation, error = "Caused by", error.__cause__
        elif error.__context__ is not None and not error.__suppress_context__:
            relation, error = "While handling", error.__context__


def _frames(trace: TracebackType | None) -> Iterator[str]:
    """The frames, the innermost first: there the reason is."""
    found: list[tuple[CodeType, int]] = []
    ours = str(Path(__file__).parent)
    while trace is not None:
        code = trace.tb_frame.f_code
        if not code.co_filename.startswith(ours):
            found.append((code, trace.tb_lineno))
        trace = trace.tb_next
    for number, (code, line) in enumerate(reversed(found)):
        if number == MOST_FRAMES:
            yield f"<p>… and {len(found) - number} more frames</p>"
            return
        library = (
            "site-packages" in code.co_filename or "dist-packages" in code.co_filename
        )
        opened = " open" if number == 0 or not library else ""
        yield (
            f"<details{opened}><summary><code>{html.escape(code.co_name)}</code> "
            f"<small>{html.escape(code.co_filename)}:{line}</small></summary>"
            f"<pre>{_source(code.co_filename, line)}</pre></details>"
        )


def _source(file: str, line: int) -> str:
    lines = linecache.getlines(file)
    if not lines:
        return "(no source)"
    shown = []
    for number in range(max(line - CONTEXT, 1), min(line + CONTEXT, len(lines)) + 1):
        text = html.escape(lines[number - 1].rstrip("\n"))
        row = f'<span class="number">{number}</span>{text}'
        shown.append(f'<span class="at">{row}</span>' if number == line else f"{row}\n")
    return "".join(shown)


def _plain(exc: BaseException) -> list[str]:
    try:
        return traceback.format_exception(exc)
    except Exception:  # formatting asks the application's own methods
        return [describe(exc)]
