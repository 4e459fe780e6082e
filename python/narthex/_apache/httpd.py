"""The httpd of this machine: its program, its modules, its configuration."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import NamedTuple

from narthex._init.problems import fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MPMS = ("event", "worker", "prefork")
"""How httpd divides its work: the better first."""

# Debian and its like, everybody else, openSUSE.
_NAMES = ("apache2", "httpd", "httpd2", "httpd-prefork", "httpd2-prefork")
_FOLDERS = (
    "/usr/sbin",
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/local/apache2/bin",  # httpd's own, and the container's
    "/opt/homebrew/bin",
    "/opt/local/sbin",
)
_MODULES = (
    "/usr/lib/apache2/modules",  # Debian
    "/usr/lib64/httpd/modules",  # Fedora
    "/usr/lib/httpd/modules",  # Arch
    "/usr/lib/apache2",  # Alpine
    "/usr/lib64/apache2",  # openSUSE
    "/usr/libexec/apache2",  # macOS
    "/usr/local/libexec/apache24",  # FreeBSD
)
_OPTION = re.compile(r'^ -D (\w+)="(.*)"$', re.MULTILINE)
_PATIENCE = 60


class Httpd(NamedTuple):
    """A program, and what it is made of.

    Attributes:
        program: Its path.
        version: What it calls itself.
        magic: The version of its interface for modules.
        root: The directory that its own configuration takes paths from.
        file: Its own configuration, which need not be there.
        modules: The directory of its modules; None where none is found.
        built_in: The modules that are part of the program.
    """

    program: str
    version: str
    magic: str
    root: str
    file: str
    modules: str | None
    built_in: frozenset[str]

    def has(self, module: str) -> bool:
        """Whether it has a module, such as `mpm_event`."""
        return module in self.built_in or self.file_of(module) is not None

    def file_of(self, module: str) -> str | None:
        """The file that a module is loaded from; None where there is none."""
        if self.modules is None:
            return None
        path = os.path.join(self.modules, f"mod_{module}.so")
        return path if os.path.exists(path) else None

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs it to its end, with the variables that its own service has."""
        return _run([self.program, *arguments], self.variables())

    def variables(self) -> dict[str, str]:
        """The environment of its own service: Debian's configuration needs it."""
        return {**os.environ, **_service(self.root)}


def find(named: str | None = None) -> Httpd:
    """The httpd that is named, or the first one there is.

    Raises:
        StartError: There is none, or it does not run.
    """
    program = named and os.path.abspath(named)
    if program is None:
        path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_FOLDERS])
        program = next(filter(None, (shutil.which(it, path=path) for it in _NAMES)), "")
    if not os.access(program, os.X_OK) or os.path.isdir(program):
        fail(
            "N334",
            f"there is no program {program}" if named else "there is no httpd here",
            () if named else (f"Looked for: {', '.join(_NAMES)}.",),
            (
                "apt-get install apache2 (Debian), dnf install httpd (Fedora), "
                "brew install httpd (macOS)",
                "name another one with --httpd PATH",
            ),
        )
    said = _run([program, "-V"], dict(os.environ)).stdout
    options = dict(_OPTION.findall(said))
    if "HTTPD_ROOT" not in options:
        fail(
            "N334",
            f"{program} is no httpd, or does not run",
            said.splitlines()[-3:],
            ("name another one with --httpd PATH",),
        )
    root = options["HTTPD_ROOT"]
    return Httpd(
        program=program,
        version=_after(said, "Server version:"),
        magic=_after(said, "Server's Module Magic Number:"),
        root=root,
        file=os.path.join(root, options.get("SERVER_CONFIG_FILE", "conf/httpd.conf")),
        modules=_modules(program, root),
        built_in=_built_in(program),
    )


def _run(
    words: Sequence[str], environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            words,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            errors="surrogateescape",
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess([*words], 1, stdout=str(error))


def _after(text: str, label: str) -> str:
    lines = (line for line in text.splitlines() if line.startswith(label))
    return next(lines, "").removeprefix(label).strip()


def _modules(program: str, root: str) -> str | None:
    """Where the modules are: what the program was built with is not known to it."""
    prefix = os.path.dirname(os.path.dirname(os.path.realpath(program)))
    candidates = [
        os.path.join(root, "modules"),
        os.path.join(prefix, "modules"),
        os.path.join(prefix, "lib", "httpd", "modules"),  # Homebrew
        *_MODULES,
    ]
    for folder in candidates:
        if any(os.path.exists(f"{folder}/mod_mpm_{mpm}.so") for mpm in MPMS):
            return folder
    return next(filter(os.path.isdir, candidates), None)


def _built_in(program: str) -> frozenset[str]:
    """The modules that need no LoadModule: `mod_so.c` is `so`, `event.c` an MPM."""
    said = _run([program, "-l"], dict(os.environ)).stdout
    names = re.findall(r"^\s+(\w+)\.c$", said, re.MULTILINE)
    return frozenset(
        f"mpm_{name}" if name in MPMS else name.removeprefix("mod_") for name in names
    )


def _service(root: str) -> dict[str, str]:
    """What Debian's `envvars` sets for the service."""
    file = os.path.join(root, "envvars")
    if not os.path.exists(file):
        return {}
    said = _run(["sh", "-c", '. "$1" && env -0', "sh", file], dict(os.environ)).stdout
    pairs = (entry.partition("=") for entry in said.split("\0"))
    return {name: value for name, _, value in pairs if name.startswith("APACHE_")}
