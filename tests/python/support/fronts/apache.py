"""An application inside httpd: in its own processes, or in those of a group."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from support.fronts.httpd import Httpd, quoted
from support.fronts.servers import Behind
from support.processes import children, command_line, descendants
from support.server import child_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from support.server import Served

# Options of the command for which there is a directive.
_DIRECTIVES = {"debug": "NarthexDebug On", "no-debug": "NarthexDebug Off"}


class Apache(Behind):
    """An application that httpd runs by our module."""

    def __init__(self, mpm: str, process: str, served: Served) -> None:
        """Starts httpd; the application runs `inline` or in a `group`."""
        super().__init__(served)
        self._inline = process == "inline"
        # Each process of prefork may be the one that answers.
        self._single = not self._inline or mpm != "prefork"
        self._pid: int | None = None
        variables = environment(served.settings)
        self.front = Httpd(
            self.folder,
            "\n".join(_host(process, served, variables)),
            ["narthex"],
            mpm=mpm,
            log=self.log,
            variables=variables,
        )
        self.address = ("127.0.0.1", self.front.port)

    @property
    def pid(self) -> int | None:  # type: ignore[override]
        """See `Server`; the process of a group is there from the first request on."""
        if self._pid is None and self._single:
            (self._pid,) = serving(self.front.pid, inline=self._inline)
        return self._pid


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The variables that make the suite importable, and `settings`."""
    wanted = {"PYTHONPATH", "PYTHONIOENCODING", *settings}
    variables = child_environment(settings).items()
    decoded = ((os.fsdecode(name), os.fsdecode(value)) for name, value in variables)
    return {name: value for name, value in decoded if name in wanted}


def serving(httpd: int, *, inline: bool) -> list[int]:
    """The processes below this httpd in which applications run."""
    if inline:
        return [one for one in children(httpd) if "apache2" in command_line(one)[0]]
    return [one for one in descendants(httpd) if "--child-bind" in command_line(one)]


def _host(process: str, served: Served, variables: Mapping[str, str]) -> Iterator[str]:
    # Lines of the log are then what the application has written, and how grave it is.
    yield 'ErrorLogFormat "[%l] %M"'
    yield f"NarthexPython {quoted(sys.executable)}"
    if process == "group":
        pairs = (f"env={name}={value}" for name, value in variables.items())
        passed = " ".join(map(quoted, pairs))
        yield f"NarthexGroup suite processes=1 {passed}"
    yield f"<Location {quoted(served.mount or '/')}>"
    yield f"NarthexProcess {'inline' if process == 'inline' else 'group:suite'}"
    for words in options(served.options):
        known = _DIRECTIVES.get(words[0])
        yield known or f"NarthexOption {' '.join(map(quoted, words))}"
    yield f"NarthexApp {quoted(served.application)}"
    yield "</Location>"


def options(words: Sequence[str]) -> list[list[str]]:
    """Names of options, without hyphens before them, and their values."""
    found: list[list[str]] = []
    for word in words:
        if word.startswith("--"):
            found.append(word[2:].split("=", 1))
        else:
            found[-1].append(word)
    return found
