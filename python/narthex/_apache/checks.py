"""Everything that keeps an httpd from serving: `narthex apache check`."""

from __future__ import annotations

import os
import re
import tempfile

from narthex import _narthex
from narthex._apache import access, environment, httpd, native
from narthex._init import quoting
from narthex._load import StartError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from narthex._apache import Checked
    from narthex._apache.environment import Environment
    from narthex._apache.httpd import Httpd

    _T = TypeVar("_T")

# Modules that bring a Python of their own, and what they are called.
_OTHER_PYTHONS = {"wsgi_module": "mod_wsgi", "python_module": "mod_python"}
_USER = re.compile(r'^User: name="(.*?)"', re.MULTILINE)
_LOADED = re.compile(r"^ (\w+_module) \((?:static|shared)\)$", re.MULTILINE)


class Findings:
    """What was found out.

    Attributes:
        lines: As it is shown.
        failed: Whether anything is wrong.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.failed = False

    def good(self, subject: str, what: str) -> None:
        """Adds what is as it must be."""
        self._add("ok  ", subject, what, [])

    def warn(self, subject: str, what: str, *fixes: str) -> None:
        """Adds what will be in somebody's way."""
        self._add("warn", subject, what, fixes)

    def fail(self, subject: str, what: str, *fixes: str) -> None:
        """Adds what is wrong, and what to do about it."""
        self.failed = True
        self._add("fail", subject, what, fixes)

    def attempt(self, subject: str, what: Callable[[], _T]) -> _T | None:
        """What a function finds; the problem it raises is a finding."""
        try:
            return what()
        except StartError as error:
            problem = error.problem
            self.fail(subject, f"{problem.code}: {problem.title}", *problem.fixes)
            return None

    def _add(
        self, mark: str, subject: str, what: str, fixes: tuple[str, ...] | list[str]
    ) -> None:
        lines = [f"{mark}  {subject}: {what}", *(f"      {fix}" for fix in fixes)]
        self.lines += [f"{_visible(line)}\n" for line in lines]


def findings(checked: Checked) -> Findings:
    """Looks at everything."""
    found = Findings()
    module = found.attempt("module", native.module)
    if module is not None:
        found.good("module", f"{module}, {_narthex.__version__}")
    broker = found.attempt("broker", native.broker)
    server = found.attempt("httpd", lambda: httpd.find(checked.httpd))
    python = found.attempt("Python", lambda: environment.at(checked.venv))
    user = checked.user
    if server is not None:
        found.good("httpd", f"{server.version} at {server.program}")
        if module is not None:
            _loads(found, server, module)
        configured = _configuration(found, server, checked)
        user = user or configured
    if python is not None:
        _python(found, python, checked.inline)
        files = [*python.files, *filter(None, (module, broker))]
        _readable(found, user, files)
    return found


def _loads(found: Findings, server: Httpd, module: str) -> None:
    """Whether httpd takes the module: nobody but httpd can tell."""
    mpms = [name for name in httpd.MPMS if server.has(f"mpm_{name}")]
    if not mpms:
        found.fail(
            "MPM",
            f"{server.program} has none, or its modules are not to be found",
            f"looked into {server.modules}",
        )
        return
    modules = [
        ("narthex", module),
        *((name, server.file_of(name)) for name in (f"mpm_{mpms[0]}", "unixd")),
    ]
    with tempfile.TemporaryDirectory(prefix="narthex-httpd-") as folder:
        file = os.path.join(folder, "httpd.conf")
        lines = [
            f"ServerRoot {quoting.apache(folder)}",
            f"DefaultRuntimeDir {quoting.apache(folder)}",
            "ServerName localhost",
            "Listen 127.0.0.1:1",
            "ErrorLog /dev/stderr",
            *(
                f"LoadModule {name}_module {quoting.apache(path)}"
                for name, path in modules
                if path is not None and name not in server.built_in
            ),
        ]
        with open(file, "w", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write("\n".join([*lines, ""]))
        done = server.run("-t", "-f", file)
    if done.returncode == 0:
        found.good("loading", f"httpd takes the module (its interface: {server.magic})")
        return
    said = [line for line in done.stdout.splitlines() if line.strip()]
    fixes = ["install a Narthex that was built for this machine and httpd 2.4"]
    found.fail("loading", "httpd does not take the module", *said, *fixes)


def _configuration(found: Findings, server: Httpd, checked: Checked) -> str | None:
    """What a configuration makes of httpd; returns the user that it names."""
    file = os.path.abspath(checked.file or server.file)
    if not os.path.exists(file):
        if checked.file:
            found.fail("configuration", f"there is no file {file}", "name another: -f")
        return None
    done = server.run("-f", file, "-t", "-D", "DUMP_MODULES", "-D", "DUMP_RUN_CFG")
    if done.returncode != 0:
        said = [line for line in done.stdout.splitlines() if line.strip()]
        found.fail("configuration", f"httpd does not take {file}", *said[-6:])
        return None
    found.good("configuration", file)
    loaded = set(_LOADED.findall(done.stdout))
    mpm = next((name for name in httpd.MPMS if f"mpm_{name}_module" in loaded), None)
    if mpm == "prefork":
        found.warn(
            "MPM",
            "prefork: a process for each request at once",
            "event serves more clients with less memory: a2dismod mpm_prefork && "
            "a2enmod mpm_event",
        )
    elif mpm is not None:
        found.good("MPM", mpm)
    for name in sorted(loaded & _OTHER_PYTHONS.keys()):
        other = _OTHER_PYTHONS[name]
        add = found.fail if checked.inline else found.warn
        add(
            other,
            "it brings a Python of its own, and two in one process break each other",
            f"take out LoadModule {name}, or leave out `NarthexProcess inline`",
        )
    if "narthex_module" in loaded:
        found.good("LoadModule", "the configuration loads narthex_module")
    else:
        found.warn(
            "LoadModule",
            "the configuration does not load narthex_module",
            "narthex apache config APP prints the lines",
        )
    user = _USER.search(done.stdout)
    if user is None or os.geteuid() != 0:
        return None  # an httpd that is not root's serves as who starts it
    if user[1].startswith("#-"):
        found.fail(
            "user",
            f"{file} names none, and httpd never serves as root",
            "User www-data",
        )
        return None
    return user[1]


def _python(found: Findings, python: Environment, inline: bool) -> None:
    found.good("Python", f"{python.version} at {python.executable}")
    install = f"{python.executable} -m pip install --upgrade narthex"
    if python.narthex is None:
        found.fail("engine", f"this Python has no narthex: {python.engine}", install)
    elif python.narthex != _narthex.__version__:
        found.fail(
            "engine",
            f"narthex {python.narthex}, but the module is of {_narthex.__version__}",
            install,
            "or let LoadModule name the module of that environment",
        )
    else:
        found.good("engine", f"narthex {python.narthex}")
    if python.library is not None:
        found.good("inline", f"possible: {python.library}")
        return
    if not inline:
        found.good(
            "inline", "not possible, groups are: this Python has no shared library"
        )
        return
    found.fail(
        "inline",
        "this Python has no shared library (libpython)",
        "leave out `NarthexProcess inline`: groups run any Python",
        "or take a Python that was built with --enable-shared",
    )


def _readable(found: Findings, name: str | None, files: list[str]) -> None:
    """Whether the user that httpd serves as, or a group's, may read all of it."""
    if name is None:
        return
    user = found.attempt("user", lambda: access.user(name))
    if user is None:
        return
    barriers = access.barriers(user, files)
    if not barriers:
        found.good("user", f"{user.name} can read Python and module")
        return
    paths = ", ".join(path for path, _ in barriers)
    found.fail(
        "user",
        f"{user.name} cannot read {paths}",
        *(chmod for _, chmod in barriers),
        "or put the environment, and its Python, where everybody can read",
    )


def _visible(text: str) -> str:
    """A line without anything that a terminal would obey."""
    return "".join(
        letter if letter.isprintable() or 0xDC80 <= ord(letter) <= 0xDCFF else "\ufffd"
        for letter in text
    )
