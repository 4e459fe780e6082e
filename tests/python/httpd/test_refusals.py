"""What cannot run inside httpd is refused, with what to do; other sites go on."""

from __future__ import annotations

import subprocess
import sysconfig
from typing import TYPE_CHECKING

import pytest

from httpd.site import Site, checked
from support.fronts.httpd import quoted
from support.fronts.program import find_program

if TYPE_CHECKING:
    from pathlib import Path

_LINES = """\
NarthexPython ${PYTHON}
<Location /inline>
    NarthexProcess inline
    NarthexApp ${HERE}/inside.py:app
</Location>
<Location /group>
    NarthexApp ${HERE}/inside.py:app
</Location>
"""
# It speaks a version that there will not be.
_ENGINE = """\
#include <stddef.h>
#include <stdint.h>
const void *narthex_engine(uint32_t version, uint32_t *speaks) {
    *speaks = 4000000000u;
    return version == *speaks ? "table" : NULL;
}
"""
# As where it was built without --enable-shared.
_NO_LIBRARY = """\
import sysconfig
known = sysconfig.get_config_var
sysconfig.get_config_var = lambda name: "9.9" if name == "LDVERSION" else known(name)
"""


def refused(folder: Path, said: str) -> None:
    """Starts with `folder` before everything else that Python looks for."""
    variables = {"PYTHONPATH": str(folder)}
    with Site(_LINES, variables=variables) as site:
        site.log.wait_for(said)
        assert site.ask("/inline/echo").status in {500, 503}
        assert site.ask("/group/echo").status == 200
        (site.folder / "htdocs" / "one.txt").write_text("one")
        assert site.ask("/one.txt").text == "one"


def test_an_engine_of_another_version(tmp_path: Path) -> None:
    package = tmp_path / "narthex"
    package.mkdir()
    (package / "__init__.py").touch()
    source = tmp_path / "engine.c"
    source.write_text(_ENGINE)
    engine = package / f"_narthex{sysconfig.get_config_var('EXT_SUFFIX')}"
    subprocess.run(
        [find_program("gcc"), "-shared", "-fPIC", "-o", engine, source], check=True
    )
    refused(tmp_path, "4000000000")


def test_a_python_without_its_library(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(_NO_LIBRARY)
    refused(tmp_path, "comes without its shared library")


def test_a_python_without_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the interpreter finds no narthex, a line says how to install it."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    venv = tmp_path / "venv"
    subprocess.run(
        [find_program("python3"), "-m", "venv", "--without-pip", venv], check=True
    )
    lines = f"NarthexPython {quoted(venv)}\nNarthexProcess inline\n"
    status, said = checked(lines, tmp_path)
    (about,) = [line for line in said if "narthex for Python" in line]
    assert status != 0
    assert "HERE/venv/bin/python -m pip install narthex" in about


@pytest.mark.parametrize("module", ["wsgi", "python"])
def test_a_python_that_another_module_has_brought(module: str) -> None:
    with Site(_LINES, modules=[module]) as site:
        site.log.wait_for(f"mod_{module}")
        assert site.ask("/inline/echo").status in {500, 503}
        assert site.ask("/group/echo").status == 200
