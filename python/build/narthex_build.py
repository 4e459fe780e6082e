"""The build backend (PEP 517): maturin, after the programs that go beside the package.

`narthex-cgi` is a static program, which no Python build tool knows to make. It is
built first, and laid where maturin takes the scripts of a wheel from. So are the module
of Apache httpd and its broker, which know no Python: they lie within the package.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import maturin
from maturin import (
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "build_editable",
    "build_native",
    "build_sdist",
    "build_stub",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

ROOT = Path(__file__).resolve().parents[2]
STUB = "narthex-cgi"
# What `tool.maturin.data` in pyproject.toml names; maturin wants the name to end so.
SCRIPTS = ROOT / "python" / "build" / "narthex.data" / "scripts"
SCRIPTS.mkdir(
    parents=True, exist_ok=True
)  # maturin wants it there whatever it is to do
# It is started for each request: nothing to load, nothing to relocate.
STATIC = ("-Ctarget-feature=+crt-static", "-Crelocation-model=static")
# And a tenth smaller, where the linker can leave out what is never used.
SMALL = (f"-Clink-arg=-Wl,-T,{ROOT / 'adapters' / 'stub' / 'discard.ld'}",)

# Where the package looks for what httpd loads and starts.
NATIVE = ROOT / "python" / "narthex" / "_native"
MODULE, BROKER = "mod_narthex.so", "narthex-broker"


def build_wheel(
    wheel_directory: str,
    config_settings: Mapping[str, object] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Builds a wheel; see PEP 517."""
    build_stub()
    build_native()
    return maturin.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_editable(
    wheel_directory: str,
    config_settings: Mapping[str, object] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Builds an editable wheel; see PEP 660."""
    build_stub()
    build_native()
    return maturin.build_editable(wheel_directory, config_settings, metadata_directory)


def build_stub(target: Path | None = None) -> Path:
    """Builds narthex-cgi, lays it where the wheel is made from, and returns its path.

    Args:
        target: Where cargo builds, unless where it usually does.
    """

    def cargo(*flags: str) -> Path:
        what = ("--package", STUB, "--bin", STUB, "--profile", "stub")
        return _cargo(target, "rustc", *what, "--", *flags)

    try:
        built = cargo(*STATIC, *SMALL)
    except subprocess.CalledProcessError:
        # GNU ld insists on the tables; lld, which Rust brings along, does not.
        built = cargo(*STATIC)
    return _lay(built / "stub" / STUB, SCRIPTS / STUB)


def build_native(target: Path | None = None, profile: str = "native") -> list[Path]:
    """Builds what httpd loads and starts, and lays it into the package.

    Args:
        target: Where cargo builds, unless where it usually does.
        profile: The cargo profile.
    """
    # Together, so that what both are made of is compiled once.
    what = ("--package", "mod_narthex", "--package", BROKER, "--lib", "--bins")
    built = _cargo(target, "build", *what, "--profile", profile) / profile
    NATIVE.mkdir(exist_ok=True)
    return [
        _lay(built / f"lib{MODULE}", NATIVE / MODULE),
        _lay(built / BROKER, NATIVE / BROKER),
    ]


def _cargo(target: Path | None, command: str, *arguments: str) -> Path:
    """Runs cargo, and returns the directory that it builds in."""
    environment = dict(os.environ)
    if target is not None:
        environment["CARGO_TARGET_DIR"] = str(target)
    subprocess.run(
        ["cargo", command, "--locked", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=sys.stderr,
        check=True,
    )
    return ROOT / environment.get("CARGO_TARGET_DIR", "target")


def _lay(built: Path, laid: Path) -> Path:
    """Copies what was built, unless it is there; returns where it lies."""
    if laid.exists() and laid.read_bytes() == built.read_bytes():
        return laid
    # Renamed when whole: another build may be reading it, or an httpd running it.
    new = laid.with_name(f"{laid.name}.{os.getpid()}")
    shutil.copy2(built, new)
    new.replace(laid)
    return laid


def main() -> None:
    """Builds what lies beside the engine, and says where."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "--profile",
        default="native",
        help="cargo's, of the module of httpd and its broker (default: %(default)s)",
    )
    profile: str = parser.parse_args().profile
    print(build_stub(), *build_native(profile=profile), sep="\n")


if __name__ == "__main__":
    main()
