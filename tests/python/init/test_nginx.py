"""`narthex init nginx`: a real nginx, started with what was written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deploy.front import program, running

from .sites import AWKWARD, Site, answers_everything, ask, made_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


@pytest.fixture(params=["", AWKWARD], ids=["plain", "awkward"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with made_site(request.param) as site:
        yield site


def nginx(site: Site) -> AbstractContextManager[None]:
    """Nginx as the command says to try it."""
    prefix = site.folder / "nginx"
    prefix.mkdir()
    conf = site.output / "shop.nginx-alone.conf"
    command = [program("nginx"), "-p", str(prefix), "-c", str(conf), "-e", "stderr"]
    return running(command, site.port, site.folder)


@pytest.mark.parametrize("mount", ["", "/a.b/shop"])
def test_a_site_answers(site: Site, mount: str) -> None:
    site.init_front("nginx", "--mount", mount)
    with site.serving(site.output / "shop.nginx.conf"), nginx(site):
        answers_everything(site.port, mount)
        if mount:
            bare = ask(site.port, mount).seen
            assert (bare["SCRIPT_NAME"], bare["PATH_INFO"]) == (mount, "")
            # The dot is a dot.
            assert ask(site.port, "/axb/shop/").status == 404
        # nginx keeps its connections to the application.
        assert connected(site.socket)


def connected(path: Path) -> bool:
    """Whether somebody is connected to a Unix socket at this moment."""
    # Columns: Num RefCount Protocol Flags Type St Inode Path; St 03 is connected.
    for line in Path("/proc/net/unix").read_text(errors="replace").splitlines():
        columns = line.split(maxsplit=7)
        if columns[7:] == [os.fspath(path)] and columns[5] == "03":
            return True
    return False


def test_a_named_host_is_alone(site: Site) -> None:
    site.init_front("nginx", "--server-name", "shop.example,www.shop.example")
    text = (site.output / "shop.nginx.conf").read_text()
    assert "server_name shop.example www.shop.example;" in text
    with site.serving(site.output / "shop.nginx.conf"), nginx(site):
        host = {"Host": "www.shop.example"}
        assert ask(site.port, "/", headers=host).seen["uri"] == (
            "http://www.shop.example/"
        )
