"""The programs that a web server starts."""

from __future__ import annotations

import os
import sys

from narthex._init import quoting
from narthex._init.files import File, filled
from narthex._init.problems import fail
from narthex._load import Spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from narthex._init.site import Site

# What kernels before Linux 5.1 read of a file's first line, its end included.
_LONGEST_FIRST_LINE = 127
# What the loader calls modules that it has no name for.
_NAMELESS = "_narthex_"


def fastcgi(site: Site, name: str = "") -> File:
    """A program that a web server starts with a socket as its standard input."""
    command = site.command("--chdir", site.directory)
    values = {"command": quoting.shell(command)}
    text = filled("app.fcgi", values)
    return File(name or f"{site.name}.fcgi", text, executable=True)


def cgi(site: Site) -> File:
    """A program that a web server starts for each request."""
    application = _imports(site)
    program = os.path.join(os.path.dirname(sys.executable), "narthex-cgi")
    if not os.access(program, os.X_OK):
        fail(
            "N309",
            "narthex-cgi is not installed beside this Python",
            (f"There is no program {program}.",),
            (f"{sys.executable} -m pip install --force-reinstall narthex",),
        )
    values = {
        "start": _first_lines(program, site.options.api),
        "directory": repr(site.directory),
        "application": "\n".join(application),
    }
    return File("app.cgi", filled("app.cgi", values), executable=True)


def _first_lines(program: str, api: str | None) -> str:
    """What makes a Python file a program that `program` runs."""
    option = f" --api={api}" if api else ""
    line = f"#!{program}{option}"
    if len(os.fsencode(line)) < _LONGEST_FIRST_LINE and not set(program) & set(" \t"):
        return line
    return (
        "#!/bin/sh\n"
        # The shell sees a command, Python a string.
        f"'''exec' {quoting.shell_in_python(program)}{option} \"$0\"\n"
        "' '''\n"
        "# The path of that program is too long, or has a space, for one line `#!`."
    )


def _imports(site: Site) -> list[str]:
    """Python that makes the application the global `app`."""
    spec = Spec(site.options.app)
    call = f"({spec.call})" if spec.call is not None else ""
    if site.loaded is None:
        return _unseen(site, spec, call)
    module, _, attribute = site.loaded.name.partition(":")
    if not call and any(subject == "factory" for subject, _, _ in site.loaded.notes):
        call = "()"
    if module.startswith(_NAMELESS):
        path = sys.modules[module].__file__
        return [
            "import runpy",
            "",
            f"app = runpy.run_path({path!r})[{attribute!r}]{call}",
        ]
    # The loader has put the root of what it imported first.
    return _named(sys.path[0], module, attribute, call)


def _unseen(site: Site, spec: Spec, call: str) -> list[str]:
    """The same, of an application that was not loaded."""
    if not spec.attribute:
        fail(
            "N307",
            f"{spec.text} names no attribute",
            ("With --no-check nobody looks for one.",),
            ("write module:attribute or file.py:attribute",),
        )
    if spec.is_path:
        path = os.path.abspath(spec.target)
        return [
            "import runpy",
            "",
            f"app = runpy.run_path({path!r})[{spec.attribute!r}]{call}",
        ]
    root = site.app_dir or site.directory
    return _named(root, spec.target, spec.attribute, call)


def _named(root: str, module: str, attribute: str, call: str) -> list[str]:
    first, dot, rest = attribute.partition(".")
    lines = ["import sys", "", f"sys.path.insert(0, {root!r})"]
    if not dot and not call:
        return [*lines, f"from {module} import {first} as app"]
    return [
        *lines,
        f"from {module} import {first}",
        "",
        f"app = {first}{dot}{rest}{call}",
    ]
