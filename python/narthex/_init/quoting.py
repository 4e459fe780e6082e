"""How a text is written in the configuration of each server."""

from __future__ import annotations

import re
import shlex
from typing import NoReturn

from narthex._init.problems import fail

_PLAIN = re.compile(r"[A-Za-z0-9_./:@+=,-]+")


def nginx(text: str) -> str:
    """A word of nginx's; variables are expanded in most, and nothing escapes a `$`."""
    if "$" in text:
        _impossible("nginx", text, "takes every `$` for a variable")
    return text if _PLAIN.fullmatch(text) else _quoted(text)


def nginx_pattern(pattern: str) -> str:
    """A regular expression of nginx's, in which a `$` is one."""
    return _quoted(pattern)


def lighttpd(text: str) -> str:
    """A string of lighttpd's, in which a backslash escapes a quote alone."""
    if '\\"' in text or text.endswith("\\"):
        _impossible("lighttpd", text, "cannot tell this backslash from an escape")
    return '"' + text.replace('"', '\\"') + '"'


def apache(text: str) -> str:
    """A word of Apache's, in which `${…}` is a variable."""
    if "${" in text:
        _impossible("Apache", text, "takes `${` for a variable")
    return _quoted(text)


def systemd_word(text: str) -> str:
    """A word of a command in a unit."""
    text = text.replace("%", "%%").replace("$", "$$")
    return text if _PLAIN.fullmatch(text) else _quoted(text)


def systemd_path(text: str) -> str:
    """The rest of a line of a unit, which is taken as it stands."""
    if text.endswith("\\"):
        _impossible("systemd", text, "joins a line that ends so with the next one")
    return text.replace("%", "%%")


def shell(words: list[str]) -> str:
    """A command of the shell's."""
    return shlex.join(words)


def shell_in_python(word: str) -> str:
    """A word of the shell's that may stand between triple apostrophes of Python's."""
    parts = re.split(r"([$`]+)", word)
    # Odd ones are what a shell expands between quotes.
    return "".join(
        f"'{part}'" if number % 2 else _quoted(part) if part else ""
        for number, part in enumerate(parts)
    )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _impossible(server: str, text: str, why: str) -> NoReturn:
    fail(
        "N304",
        f"{server} cannot be told of {text}",
        (f"It {why}.",),
        ("give it a name of letters, digits, dots and dashes, or a link of that name",),
    )
