"""The build backend (PEP 517): maturin, after the programs that go beside the package.

`narthex-cgi` is a static program, which no Python build tool knows to make. It is
built first, and laid where maturin takes the scripts of a wheel from.
"""

from __future__ import annotations

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


def build_wheel(
    wheel_directory: str,
    config_settings: Mapping[str, object] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Builds a wheel; see PEP 517."""
    build_stub()
    return maturin.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_editable(
    wheel_directory: str,
    config_settings: Mapping[str, object] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Builds an editable wheel; see PEP 660."""
    build_stub()
    return maturin.build_editable(wheel_directory, config_settings, metadata_directory)


def build_stub(target: Path | None = None) -> Path:
    """Builds narthex-cgi, lays it where the wheel is made from, and returns its path.

    Args:
        target: Where cargo builds, unless where it usually does.
    """
    environment = dict(os.environ)
    if target is not None:
        environment["CARGO_TARGET_DIR"] = str(target)
    target = ROOT / environment.get("CARGO_TARGET_DIR", "target")

    def cargo(*flags: str) -> None:
        what = ("--locked", "--package", STUB, "--bin", STUB, "--profile", "stub")
        subprocess.run(
            ["cargo", "rustc", *what, "--", *flags],
            cwd=ROOT,
            env=environment,
            stdout=sys.stderr,
            check=True,
        )

    try:
        cargo(*STATIC, *SMALL)
    except subprocess.CalledProcessError:
        # GNU ld insists on the tables; lld, which Rust brings along, does not.
        cargo(*STATIC)
    built = target / "stub" / STUB
    laid = SCRIPTS / STUB
    # Renamed when whole: another build may be reading it.
    shutil.copy2(built, laid.with_suffix(".new"))
    laid.with_suffix(".new").replace(laid)
    return laid


if __name__ == "__main__":
    print(build_stub())
