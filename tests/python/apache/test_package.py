"""What lies in the package for httpd."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import narthex
from command.running import run
from narthex import _narthex

NATIVE = ("mod_narthex.so", "narthex-broker")
# All that a system has which can run anything at all.
SYSTEM = re.compile(r"linux-vdso|/ld-linux|lib(?:c|gcc_s|m|dl|pthread|rt)\.so")


def native(name: str) -> Path:
    return Path(narthex.__file__).with_name("_native") / name


def glibc(path: Path) -> tuple[int, ...]:
    """The newest version of the C library that a file asks for."""
    asked = re.findall(rb"\0GLIBC_(\d+)\.(\d+)", path.read_bytes())
    return max(tuple(map(int, version)) for version in asked)


def test_the_path_of_the_module_is_printed(tmp_path: Path) -> None:
    ended = run("apache", "module-path", cwd=tmp_path)
    assert ended.returncode == 0
    assert ended.stdout == os.fsencode(native("mod_narthex.so")) + b"\n"
    assert native("mod_narthex.so").read_bytes()[:4] == b"\x7fELF"
    assert os.access(native("narthex-broker"), os.X_OK)


def test_a_missing_module_is_said(tmp_path: Path) -> None:
    package = Path(narthex.__file__).parent
    ignored = shutil.ignore_patterns("_native", "__pycache__")
    shutil.copytree(package, tmp_path / "narthex", ignore=ignored)
    ended = run("apache", "module-path", cwd=tmp_path, env={"PYTHONPATH": ""})
    assert ended.returncode == 1
    assert b"N330: mod_narthex.so is not in this installation" in ended.stderr
    assert b"pip install --force-reinstall narthex" in ended.stderr


@pytest.mark.parametrize("name", NATIVE)
def test_nothing_is_needed_but_the_c_library(name: str) -> None:
    said = subprocess.run(
        ["ldd", native(name)], capture_output=True, text=True, check=True
    )
    needed = [line.strip() for line in said.stdout.splitlines()]
    assert [line for line in needed if not SYSTEM.search(line)] == []


@pytest.mark.parametrize("name", NATIVE)
def test_no_newer_c_library_is_needed_than_by_the_engine(name: str) -> None:
    assert glibc(native(name)) <= glibc(Path(_narthex.__file__))
