"""`narthex init apache-fcgi`: a real Apache, started with what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .httpd import httpd, quoted
from .sites import AWKWARD, Site, answers_everything, ask, has_gone, made_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


@pytest.fixture(params=["", AWKWARD], ids=["plain", "awkward"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with made_site(request.param) as site:
        yield site


def apache(site: Site, file: str) -> AbstractContextManager[None]:
    """Apache with the modules that the file asks for."""
    modules = (site.output / file).read_text().split("Modules: ", 1)[1].split("\n")[0]
    return httpd(site, modules.split(), f"Include {quoted(site.output / file)}\n")


@pytest.mark.parametrize("mount", ["", "/a.b/shop"])
def test_a_site_by_a_socket_answers(site: Site, mount: str) -> None:
    site.init_front("apache-fcgi", "--mount", mount)
    with (
        site.serving(site.output / "shop.apache.conf"),
        apache(site, "shop.apache.conf"),
    ):
        answers_everything(site.port, mount)


@pytest.mark.parametrize("mount", ["", "/shop"])
def test_a_site_that_it_starts_answers(site: Site, mount: str) -> None:
    if " " in site.folder.name:
        # mod_fcgid cuts paths of programs at spaces: only the application may have one
        said = site.init_front("apache-fcgi")
        assert not (site.output / "shop.apache-fcgid.conf").exists()
        assert "whose path has a space" in said
        site.output = site.state
    site.init_front("apache-fcgi", "--mount", mount, "--workers", "1")
    with apache(site, "shop.apache-fcgid.conf"):
        (process,) = set(answers_everything(site.port, mount))
        seen = ask(site.port, f"{mount}/").seen
        assert seen["directory"] == str(site.folder)
    assert has_gone(process)
