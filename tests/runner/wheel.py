"""Building the package and putting it into an environment, only when it has changed."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from machine import ROOT, Failure, run

if TYPE_CHECKING:
    from pathlib import Path


def build_programs(maturin: Path, profile: str, cargo_target: Path) -> None:
    """Builds what a wheel has for every interpreter alike; see `build`."""
    # As the build backend does, which knows the profile that goes with `release`.
    options = () if profile == "release" else ("--profile", profile)
    run(
        *(maturin, ROOT / "python" / "build" / "narthex_build.py"),
        *options,
        environment={"CARGO_TARGET_DIR": str(cargo_target)},
    )


def build(maturin: Path, python: Path, profile: str, cargo_target: Path) -> Path:
    """Builds a wheel for an interpreter, and returns it.

    Args:
        maturin: The Python that has maturin.
        python: The interpreter that the wheel is for.
        profile: The cargo profile.
        cargo_target: Where cargo builds; the same for every interpreter, as only pyo3
            and the engine that rests on it are compiled anew when it changes.
    """
    environment = {"PYO3_PYTHON": str(python), "CARGO_TARGET_DIR": str(cargo_target)}
    run(
        *(maturin, "-m", "maturin", "build", "--quiet", "--locked"),
        *("--profile", profile, "--interpreter", python),
        *("--out", _folder(python, profile, cargo_target)),
        *("--compatibility", "linux"),
        environment=environment,
    )
    return built(python, profile, cargo_target)


def built(python: Path, profile: str, cargo_target: Path) -> Path:
    """The wheel that was built last for an interpreter; see `build`.

    Raises:
        Failure: There is none.
    """
    folder = _folder(python, profile, cargo_target)
    wheels = sorted(folder.glob("narthex-*.whl"), key=lambda path: path.stat().st_mtime)
    if not wheels:
        raise Failure(f"no wheel in {folder}")
    return wheels[-1]


def _folder(python: Path, profile: str, cargo_target: Path) -> Path:
    return cargo_target / "wheels" / profile / python.parent.parent.name


def install(wheel: Path, python: Path) -> None:
    """Puts a wheel into an environment, unless exactly its files are there.

    Another run of the tests may be using them.
    """
    if _entries(wheel) <= _installed(python):
        print(f"{wheel.name} is installed already", flush=True)
        return
    run(
        *(python, "-m", "pip", "install", "--quiet"),
        *("--force-reinstall", "--no-deps", wheel),
    )


def _entries(wheel: Path) -> set[str]:
    """The lines of a wheel's RECORD: each file with its hash."""
    with zipfile.ZipFile(wheel) as archive:
        record = next(name for name in archive.namelist() if name.endswith("/RECORD"))
        return _hashed(archive.read(record).decode())


def _installed(python: Path) -> set[str]:
    """The lines of the RECORD of what an environment has; none if it has nothing."""
    records = python.parent.parent.glob("lib/*/site-packages/narthex-*/RECORD")
    return {line for record in records for line in _hashed(record.read_text())}


def _hashed(record: str) -> set[str]:
    """The lines that carry a hash.

    The bill of materials is left out: it has the time of the build.
    """
    lines = {line.strip() for line in record.splitlines()}
    return {line for line in lines if ",sha256=" in line and "/sboms/" not in line}
