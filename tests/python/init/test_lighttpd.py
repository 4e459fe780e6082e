"""`narthex init lighttpd`: a real lighttpd, started with what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.front import program, running

from .sites import AWKWARD, Site, answers_everything, ask, has_gone, made_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

# What the system's own file says before it includes ours.
AROUND = """\
server.document-root = "/nowhere"
server.bind = "127.0.0.1"
server.port = {port}
server.upload-dirs = ( "/tmp" )
mimetype.assign = ( ".css" => "text/css" )
include "{ours}"
"""


@pytest.fixture
def site() -> Iterator[Site]:
    with made_site() as site:
        yield site


def lighttpd(site: Site, file: str) -> AbstractContextManager[None]:
    around = site.output / "around.conf"
    around.write_text(AROUND.format(port=site.port, ours=file))
    command = [program("lighttpd"), "-D", "-f", str(around)]
    return running(command, site.port, site.output)


@pytest.mark.parametrize("mount", ["", "/a.b/shop"])
def test_a_site_by_a_socket_answers(site: Site, mount: str) -> None:
    site.init_front("lighttpd", "--mount", mount)
    serving = site.serving(site.output / "shop.lighttpd.conf")
    with serving, lighttpd(site, "shop.lighttpd.conf"):
        answers_everything(site.port, mount)


@pytest.mark.parametrize("mount", ["", "/shop"])
def test_a_site_that_it_starts_answers(site: Site, mount: str) -> None:
    site.init_front("lighttpd", "--mount", mount, "--server-name", "127.0.0.1")
    with lighttpd(site, "shop.lighttpd-spawn.conf"):
        (process,) = set(answers_everything(site.port, mount))
        seen = ask(site.port, f"{mount}/").seen
        assert seen["directory"] == str(site.folder)
        assert ask(site.port, f"{mount}/", headers={"Host": "other"}).status == 404
    assert has_gone(process)


def test_paths_with_quotes_and_spaces() -> None:
    with made_site(AWKWARD) as site:
        # It cuts the program's path at spaces: that way is left out, and said to be.
        said = site.init_front("lighttpd")
        assert not (site.output / "shop.lighttpd-spawn.conf").exists()
        assert "whose path has a space" in said
        # An include of lighttpd's is a pattern: ours has a plain name.
        serving = site.serving(site.output / "shop.lighttpd.conf")
        with serving, lighttpd(site, "shop.lighttpd.conf"):
            answers_everything(site.port, "")

        # The application may be there all the same.
        plain = site.folder.parent / "conf"
        plain.mkdir()
        site.output = plain
        site.init_front("lighttpd")
        with lighttpd(site, "shop.lighttpd-spawn.conf"):
            (process,) = set(answers_everything(site.port, ""))
            assert ask(site.port, "/").seen["directory"] == str(site.folder)
        assert has_gone(process)
