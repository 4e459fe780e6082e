"""The stubs say what the built module is, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import narthex
from narthex import _host, _narthex

TESTS = Path(__file__).parent


def test_stubs_and_module_agree() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "narthex._narthex"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_applications_type_check() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(TESTS / "use.py")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_package_exports_what_it_lists() -> None:
    assert narthex.__all__ == sorted(narthex.__all__)
    assert narthex.__version__ == _narthex.__version__
    for name in narthex.__all__:
        engine = hasattr(_narthex, name)
        source = _narthex if engine else _host
        assert getattr(narthex, name) is getattr(source, name)
