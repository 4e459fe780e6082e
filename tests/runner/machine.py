"""What the machine has: programs, packages, interpreters, and how to run them."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
CACHE = ROOT / ".cache"

# What tests and the bench need besides Rust and Python: a program or a file, and the
# Debian package that has it.
NEEDED = {
    "apache2": "apache2-bin",
    "caddy": "caddy",
    "cgi-fcgi": "libfcgi-bin",
    "curl": "curl",
    "g++": "g++",
    "gcc": "gcc",
    "h2load": "nghttp2-client",
    "haproxy": "haproxy",
    "lighttpd": "lighttpd",
    "nghttp": "nghttp2-client",
    "nginx": "nginx-light",
    "openssl": "openssl",
    "perl": "perl-base",
    "spawn-fcgi": "spawn-fcgi",
    "systemd-analyze": "systemd",
    "unshare": "util-linux",
    "valgrind": "valgrind",
    "wrk": "wrk",
    "/usr/lib/apache2/modules/mod_fcgid.so": "libapache2-mod-fcgid",
    # The peers of the bench inside httpd; one is built.
    "/usr/lib/apache2/modules/mod_python.so": "libapache2-mod-python",
    "/usr/lib/apache2/modules/mod_wsgi.so": "libapache2-mod-wsgi-py3",
    "apxs2": "apache2-dev",
    # What reads its headers (tests/bindings).
    "/usr/lib/llvm-*/lib/libclang.so*": "libclang1",
    # The peers of the bench are built for Debian's own Python.
    "/usr/include/ev.h": "libev-dev",
    "/usr/include/python3*/Python.h": "python3-dev",
    "/usr/lib/python3*/ensurepip/__init__.py": "python3-venv",
}
# Debian keeps servers out of an ordinary user's PATH.
SYSTEM_PATH = os.pathsep.join([os.environ["PATH"], "/usr/local/sbin", "/usr/sbin"])

SUPPORTED = [(3, minor) for minor in range(10, 14)]


class Failure(Exception):
    """A stage failed; the text says why, in a line."""


class Interpreter(NamedTuple):
    """A Python that was found to run."""

    version: tuple[int, int]
    path: Path

    @property
    def name(self) -> str:
        """The version as people write it."""
        return f"{self.version[0]}.{self.version[1]}"


def in_ci() -> bool:
    """Whether nothing may be skipped."""
    return os.environ.get("CI") == "true"


def target() -> Path:
    """Where cargo builds."""
    return ROOT / os.environ.get("CARGO_TARGET_DIR", "target")


def run(
    *command: str | Path,
    environment: Mapping[str, str] | None = None,
    directory: Path = ROOT,
) -> None:
    """Runs a command, its output going where ours goes.

    Raises:
        Failure: It cannot be started, or says that it failed.
    """
    words = [str(word) for word in command]
    shown = shlex.join(words).replace(f"{ROOT}/", "")
    print(f"$ {shown}", flush=True)
    settings = {**os.environ, "PATH": SYSTEM_PATH, **(environment or {})}
    try:
        # No stage may wait for somebody to type.
        code = subprocess.run(
            words, cwd=directory, env=settings, stdin=subprocess.DEVNULL, check=False
        ).returncode
    except FileNotFoundError:
        raise Failure(f"{words[0]} is not installed") from None
    if code != 0:
        raise Failure(f"exit status {code}: {shown}")


def has(what: str) -> bool:
    """Whether a program can be started, or a file is there."""
    if what.startswith("/"):
        return any(Path("/").glob(what[1:]))
    return shutil.which(what, path=SYSTEM_PATH) is not None


def install_packages() -> None:
    """Installs what tests need, where this may; else says what to install.

    Raises:
        Failure: Something is missing and nothing may be skipped.
    """
    missing = [package for what, package in NEEDED.items() if not has(what)]
    if not missing:
        return
    install = ["apt-get", "install", "-qq", "--no-install-recommends", *missing]
    if os.geteuid() == 0 and has("apt-get"):
        environment = {"DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "update", "-qq", environment=environment)
        run(*install, environment=environment)
        return
    advice = f"on Debian: sudo {shlex.join(install)}"
    if in_ci():
        raise Failure(f"missing: {', '.join(missing)}; {advice}")
    print(f"Some stages will fail without {', '.join(missing)};\n{advice}", flush=True)


def environment_at(path: Path, python: Path, *requirements: str) -> Path:
    """Makes a virtual environment with pinned requirements, and returns its Python.

    One that is there is brought up to date, so a second call costs little.
    """
    inside = path / "bin" / "python"
    if version_of(inside) is None:
        # Not there, or its interpreter has gone.
        run(python, "-m", "venv", "--clear", path)
    files = [f"--requirement={ROOT / 'tests' / name}" for name in requirements]
    run(inside, "-m", "pip", "install", "--quiet", *files)
    return inside


def interpreters() -> list[Interpreter]:
    """One interpreter of each supported version that runs here, oldest first."""
    found: dict[tuple[int, int], Path] = {}
    home = Path.home()
    folders = [Path(folder) for folder in SYSTEM_PATH.split(os.pathsep)]
    # Where tools that manage several versions keep them, besides PATH.
    folders += sorted(home.glob(".pyenv/versions/3.*/bin"))
    folders += sorted(home.glob(".local/share/uv/python/cpython-*/bin"))
    for version in SUPPORTED:
        for folder in folders:
            path = folder / f"python{version[0]}.{version[1]}"
            if path.exists() and version_of(path) == version:
                found.setdefault(version, path)
                break
    return [Interpreter(version, path) for version, path in found.items()]


def version_of(path: Path) -> tuple[int, ...] | None:
    """The version of a CPython that can make environments; None for anything else."""
    code = (
        "import ensurepip, sys, venv;"
        "assert sys.implementation.name == 'cpython';"
        "assert not hasattr(sys, '_is_gil_enabled') or sys._is_gil_enabled();"
        "print(*sys.version_info[:2])"
    )
    # A name on PATH may be a shim of a version manager that leads nowhere.
    try:
        outcome = subprocess.run(
            [path, "-c", code], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return tuple(int(part) for part in outcome.stdout.split())


def embedding(python: Path) -> dict[str, str]:
    """What cargo is told so that Rust tests carry an interpreter within themselves.

    The extension leaves Python's symbols to the interpreter that loads it; a test
    program is its own, and needs libpython, both to be linked and to start.

    Raises:
        Failure: No supported interpreter here has a shared libpython.
    """
    candidates = [python, *(other.path for other in interpreters())]
    for candidate in candidates:
        library = shared_library(candidate)
        if library is not None:
            paths = [str(library.parent), os.environ.get("LD_LIBRARY_PATH", "")]
            return {
                "PYO3_PYTHON": str(candidate),
                "LD_LIBRARY_PATH": os.pathsep.join(filter(None, paths)),
            }
    raise Failure(
        "no Python here has a shared libpython, which the Rust tests of the engine"
        " link; on Debian: apt-get install python3-dev, elsewhere build Python with"
        f" --enable-shared (asked: {', '.join(map(str, candidates))})"
    )


def shared_library(python: Path) -> Path | None:
    """The libpython that programs can be linked with; None where there is none."""
    code = (
        "import sysconfig as s;"
        "print(s.get_config_var('Py_ENABLE_SHARED') or 0);"
        "print(s.get_config_var('LIBDIR') or '');"
        "print(s.get_config_var('LDLIBRARY') or '')"
    )
    outcome = subprocess.run([python, "-c", code], capture_output=True, text=True)
    if outcome.returncode != 0:
        return None
    shared, folder, name = outcome.stdout.splitlines()
    # Debian has the name to link with in a package of its own.
    library = Path(folder, name)
    return library if shared == "1" and library.is_file() else None


@contextmanager
def alone(what: str = "environment") -> Iterator[None]:
    """Waits until no other run uses what both share."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
