"""What the bench needs: the tools of the machine, the peers, and our own build."""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .server import APPLICATIONS, BUILT, CACHE, HERE, OURS, Server

ROOT = HERE.parent.parent
REQUIREMENTS = HERE / "requirements.txt"
BUILDERS = ("setuptools", "wheel", "maturin")
DEFAULT_PYTHON = Path("/usr/bin/python3")
MODULE = ("--crate-type=cdylib",)

PACKAGES = {
    "wrk": "wrk",
    "valgrind": "valgrind",
    "taskset": "util-linux",
    "gcc": "gcc",
    "openssl": "openssl",
    "h2load": "nghttp2-client",
    "nginx": "nginx-light",
    "apache2": "apache2-bin",
    "rustc": "(see https://rustup.rs)",
    "cargo": "(see https://rustup.rs)",
}


class MissingError(Exception):
    """Something that the bench needs is not on this machine."""


@dataclass(frozen=True)
class Interpreters:
    """Where the servers live.

    Attributes:
        peers: The interpreter of the peers' environment.
        ours: The interpreter that can import our package.
        absent: Why a distribution is not there, by its name.
    """

    peers: Path
    ours: Path
    absent: Mapping[str, str]

    def of(self, package: str) -> Path:
        """Returns the interpreter that a distribution is installed for."""
        return self.ours if package == OURS else self.peers

    def why_not(self, server: Server) -> str | None:
        """Returns why a server cannot take part, or None."""
        wanted = (server.package, *server.needs)
        return next((self.absent[name] for name in wanted if name in self.absent), None)


@contextmanager
def scratch() -> Iterator[Path]:
    """Makes a folder for one server, with a certificate, for the length of a block."""
    with tempfile.TemporaryDirectory(prefix="narthex-bench-") as folder:
        for path in certificate():
            shutil.copy(path, folder)
        yield Path(folder)


def certificate() -> tuple[Path, Path]:
    """Returns a certificate for the loopback address and its key, made once."""
    files = (CACHE / "certificate.pem", CACHE / "key.pem")
    if not all(file.exists() for file in files):
        CACHE.mkdir(exist_ok=True)
        subprocess.run(
            [
                *(
                    "openssl",
                    "req",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-nodes",
                    "-days",
                    "3650",
                ),
                *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "3650"),
                *("-subj", "/CN=localhost"),
                *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
                *("-out", str(files[0]), "-keyout", str(files[1])),
            ],
            check=True,
            capture_output=True,
        )
    return files


def allow_descriptors() -> None:
    """Lets this process and the servers open as many files as the machine allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def need_tools(names: Iterable[str]) -> None:
    """Makes sure that programs are on the PATH.

    Raises:
        MissingError: With the command that installs what is missing.
    """
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        packages = " ".join(PACKAGES[name] for name in missing)
        raise MissingError(
            f"{', '.join(missing)} not found; on Debian: apt-get install {packages}"
        )


def install_peers(base: Path, wanted: Collection[str]) -> tuple[Path, dict[str, str]]:
    """Installs what is wanted of requirements.txt into an environment of our own.

    Returns:
        Its interpreter, and why a distribution could not be installed, by name.

    Raises:
        MissingError: The environment itself cannot be made.
    """
    folder = CACHE / f"peers-{_version(base)}"
    python = folder / "bin" / "python"
    if not python.exists():
        _make_environment(base, folder)
    stamp = folder / "installed.json"
    installed: list[str] = json.loads(stamp.read_text()) if stamp.exists() else []
    absent = {}
    for requirement in parse_requirements(REQUIREMENTS.read_text()):
        name = requirement.partition("==")[0]
        if requirement in installed or name not in {*wanted, *BUILDERS}:
            continue
        print(f"installing {requirement}", flush=True)
        done = _pip(python, "install", "--quiet", requirement)
        if done.returncode == 0:
            installed.append(requirement)
            stamp.write_text(json.dumps(installed))
        else:
            absent[name] = explain_failure(requirement, done.stdout + done.stderr)
    return python, absent


def parse_requirements(text: str) -> list[str]:
    """Returns the lines of a requirements file that name something."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def explain_failure(requirement: str, output: str) -> str:
    """Says in one line why pip could not install a distribution."""
    for header, package in (("ev.h", "libev-dev"), ("Python.h", "python3-dev")):
        if f"{header}: No such file" in output:
            return f"{requirement} could not be built: apt-get install {package}"
    lines = [line.strip() for line in output.splitlines() if "error" in line.lower()]
    last = lines[-1] if lines else "pip does not say why"
    return f"{requirement} could not be installed: {last}"


def install_ours(python: Path, wheel: Path | None) -> None:
    """Installs this checkout, built in release mode.

    Args:
        python: The interpreter that it is for.
        wheel: What was built of it already, unless for another Python.

    Raises:
        MissingError: With what the build printed.
    """
    into = ("install", "--quiet", "--no-deps", "--force-reinstall")
    # One for another Python is refused.
    if wheel is not None and _pip(python, *into, str(wheel)).returncode == 0:
        return
    wheels = CACHE / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    print("building this checkout in release mode", flush=True)
    # As whoever installs it from source does, so that all that belongs to it is there.
    options = ("--quiet", "--no-deps")
    folder = ("--wheel-dir", str(wheels))
    done = _pip(python, "wheel", *options, "--no-build-isolation", *folder, str(ROOT))
    if done.returncode == 0:
        done = _pip(python, *into, str(next(wheels.glob("*.whl"))))
    if done.returncode:
        printed = (done.stdout + done.stderr).strip()
        raise MissingError(f"this checkout could not be built:\n{printed}")


def build_programs() -> str | None:
    """Compiles what `apps` has in Rust: static CGI programs, and modules of httpd.

    Returns:
        Why that is not possible, or None.
    """
    CACHE.mkdir(exist_ok=True)
    # As narthex-cgi is made: nothing to load, nothing to relocate.
    static = ("-Ctarget-feature=+crt-static", "-Crelocation-model=static")
    kinds = (("cgi", "", (*static, "-Cpanic=abort")), ("apache", ".so", MODULE))
    built = (
        (source, CACHE / f"{source.stem}{ending}", flags)
        for folder, ending, flags in kinds
        for source in (APPLICATIONS / folder).glob("*.rs")
    )
    for source, program, kind in built:
        flags = ("-Copt-level=3", "-Cstrip=symbols", *kind)
        if program.exists() and program.stat().st_mtime > source.stat().st_mtime:
            continue
        print(f"compiling {source.name}", flush=True)
        done = subprocess.run(
            [
                *("rustc", "--edition=2024", *flags),
                *(str(source), "-o", str(program)),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            return f"{source.name} could not be compiled: {done.stderr.strip()[-200:]}"
    return None


def prepare(
    base: Path, ours: Path | None, wanted: Collection[str], wheel: Path | None = None
) -> Interpreters:
    """Installs what is wanted and not there yet.

    Args:
        base: The interpreter to make the environment from.
        ours: An interpreter or environment that has our package; it is built from
            this checkout where None.
        wanted: The distributions whose servers take part, ours among them or not.
        wheel: See `install_ours`.

    Raises:
        MissingError: The environment cannot be made, or ours not built.
    """
    to_build = ours is None and OURS in wanted
    if to_build:
        need_tools(["cargo", "gcc"])
    peers, absent = install_peers(base, wanted)
    if BUILT in wanted:
        need_tools(["rustc"])
        if reason := build_programs():
            absent[BUILT] = reason
    if to_build:
        install_ours(peers, wheel)
    return Interpreters(peers, interpreter(ours) if ours else peers, absent)


def interpreter(place: Path) -> Path:
    """Returns the interpreter of an environment, or the one that is named."""
    python = place / "bin" / "python" if place.is_dir() else place
    return python.absolute()  # servers run in another directory


def ours_by_default() -> Path | None:
    """Returns what NARTHEX_PYTHON names."""
    named = os.environ.get("NARTHEX_PYTHON")
    return Path(named) if named else None


def server_environment(folder: Path, **more: str) -> dict[str, str]:
    """Returns the environment that a server runs in."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "GRANIAN", "GUNICORN", "UWSGI", "NARTHEX"))
    }
    own = {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return {**kept, **own, **more}


def facts(python: Path) -> dict[str, str]:
    """Describes the machine and the tools, for whoever reads the figures later."""
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "kernel": f"{platform.system()} {platform.release()}",
        "libc": "-".join(platform.libc_ver()),
        "python": _version(python),
        "rustc": first_line(["rustc", "--version"]),
        "wrk": first_line(["wrk", "--version"]).partition(" [")[0],
        "commit": first_line(
            ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
        ),
        "load average": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def first_line(command: list[str]) -> str:
    """Returns the first line that a program prints."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "not installed"
    return ((done.stdout + done.stderr).strip().splitlines() or ["unknown"])[0]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _make_environment(base: Path, folder: Path) -> None:
    header = sysconfig.get_config_h_filename()
    if base == DEFAULT_PYTHON and not Path(header).exists():
        print(f"{header} is missing: some peers need apt-get install python3-dev")
    done = subprocess.run(
        [str(base), "-m", "venv", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        raise MissingError(
            f"{base} cannot make an environment; on Debian: apt-get install"
            f" python3-venv python3-dev\n{(done.stdout + done.stderr).strip()}"
        )


def _pip(python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # A build calls its tools by name.
    path = os.pathsep.join([str(python.parent), os.environ["PATH"]])
    return subprocess.run(
        [str(python), "-m", "pip", "--disable-pip-version-check", *arguments],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def _version(python: Path) -> str:
    code = "import platform; print(platform.python_version())"
    done = subprocess.run(
        [str(python), "-c", code], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise MissingError(f"{python} does not run: {done.stderr.strip()}")
    return done.stdout.strip()
