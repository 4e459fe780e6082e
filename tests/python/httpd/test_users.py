"""httpd as root starts it: each group runs as a user of its own."""

from __future__ import annotations

import grp
import os
import pwd
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from httpd.site import Site
from support.fronts.httpd import quoted
from support.interpreter import copied

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="excused: only root may become other users"
)

NOBODY = pwd.getpwnam("nobody")
_LINES = """\
User nobody
Group NOBODYS
NarthexPython PYTHON
NarthexGroup shop user=4322 group=4323 umask=077 ENVIRONMENT
NarthexGroup plain ENVIRONMENT
NarthexGroup shut python=SHUT user=4322 group=4323 ENVIRONMENT
<Location /shop>
    NarthexProcess group:shop
    NarthexApp ${HERE}/inside.py:app
</Location>
<Location /plain>
    NarthexProcess group:plain
    NarthexApp ${HERE}/inside.py:app
</Location>
<Location /shut>
    NarthexProcess group:shut
    NarthexApp ${HERE}/inside.py:app
</Location>
<Location /inline>
    NarthexProcess inline
    NarthexApp ${HERE}/inside.py:app
</Location>
"""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    # Not below pytest's, which is closed to others.
    with tempfile.TemporaryDirectory(prefix="narthex-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield from started(folder)


def started(folder: Path) -> Iterator[Site]:
    """A site with a Python that everybody can run, and one that only root can."""
    closed = folder / "closed"
    closed.mkdir(0o700)
    python = copied(folder / "copy")
    (closed / "python").symlink_to(python.executable)
    pairs = python.variables.items()
    lines = _LINES.replace("PYTHON", quoted(python.executable), 1)
    words = " ".join(quoted(f"env={name}={value}") for name, value in pairs)
    lines = lines.replace("ENVIRONMENT", words)
    lines = lines.replace("SHUT", str(closed / "python"), 1)
    lines = lines.replace("NOBODYS", grp.getgrgid(NOBODY.pw_gid).gr_name)
    with Site(lines, root=True, variables=python.variables) as site:
        yield site


def owner(process: int) -> int:
    """The user that a process runs as."""
    return Path(f"/proc/{process}").stat().st_uid


def test_a_group_has_its_user(site: Site) -> None:
    text = site.ask("/shop/python").text
    assert "user=4322" in text
    assert "umask=077" in text
    (process,) = [one for one in site.processes() if owner(one) == 4322]
    status = Path(f"/proc/{process}/status").read_text()
    assert "Gid:\t4323\t4323\t4323\t4323" in status
    assert "Groups:\t \n" in status or "Groups:\t4323 \n" in status


def test_another_has_that_of_httpd(site: Site) -> None:
    assert f"user={NOBODY.pw_uid}" in site.ask("/plain/python").text


def test_inline_has_that_of_httpd(site: Site) -> None:
    assert f"user={NOBODY.pw_uid}" in site.ask("/inline/python").text


def test_sockets_are_for_httpd_only(site: Site) -> None:
    assert site.ask("/shop/echo").status == 200
    sockets = [path for path in site.folder.rglob("*") if path.is_socket()]
    assert sockets
    for path in sockets:
        assert path.stat().st_uid == NOBODY.pw_uid
        assert path.stat().st_mode & 0o077 == 0


def test_a_python_that_its_user_cannot_reach(site: Site) -> None:
    """The log says which directory keeps whom out, and what to do; others go on."""
    assert site.ask("/shut/echo").status == 503
    site.log.wait_for(
        r"the user 4322, who cannot enter /\S+/closed: chmod a\+x /\S+/closed"
    )
    assert site.ask("/shop/echo").status == 200
