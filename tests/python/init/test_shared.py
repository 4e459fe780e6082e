"""`narthex init shared`: one directory of a real Apache, by each of three modules."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .httpd import httpd, quoted
from .sites import AWKWARD, STYLE, Site, answers_everything, ask, has_gone, made_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

MODULES = {"cgid": "event", "cgi": "prefork", "fcgid": "event"}

# What a host says of its customers' directories.
HOST = """\
# Hosts differ in this; without it none lets `%2F` through.
AllowEncodedSlashes On
FcgidMaxRequestLen 1073741824
Alias "{mount}/" {output}/
<Directory {output}>
    Require all granted
    AllowOverride FileInfo Options AuthConfig
    Options FollowSymLinks Indexes MultiViews
</Directory>
PassEnv NARTHEX_RUNTIME_DIR
"""


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Residents of these tests have sockets of their own."""
    with made_site() as site:
        monkeypatch.setenv("NARTHEX_RUNTIME_DIR", str(site.state))
        yield


def host(site: Site, module: str, mount: str) -> AbstractContextManager[None]:
    lines = HOST.format(mount=mount, output=quoted(site.output).removesuffix('"') + '"')
    lines = lines.replace('"/\n', '/"\n')
    if module != "fcgid":
        lines = lines.replace("FcgidMaxRequestLen 1073741824\n", "")
    modules = ["alias", "rewrite", "negotiation", "autoindex", "setenvif", module]
    return httpd(site, modules, lines, MODULES[module])


def write(site: Site, mount: str) -> None:
    """Writes them into a directory of the web, beside which the application is."""
    web = site.folder / "web"
    web.mkdir()
    (site.folder / "static").rename(web / "static")
    site.output = web
    site.init("shared", "--mount", mount, "--output", str(web))
