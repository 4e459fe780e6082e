"""The configuration in `examples/apache`, with the paths of this machine."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from command.running import get
from deploy.front import DEPLOY, filled_in
from support.fronts.httpd import Httpd, ours
from support.processes import children

from .httpd import PACKAGE

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = DEPLOY.parent / "apache"
SERVED = "/srv/shop/.venv"


def test_the_example_serves(project: Path) -> None:
    site = project / "site"
    shutil.copytree(EXAMPLE, site)
    written = f"{SERVED}/lib/python3.11/site-packages/narthex/_native/mod_narthex.so"
    text = filled_in(
        site / "httpd.conf",
        {
            written: str(ours()),
            f"python={SERVED}": f"python={sys.prefix} env={PACKAGE}",
            SERVED: sys.prefix,
            "/srv/shop": str(site),
            "<VirtualHost *:80>": "<VirtualHost *:${PORT}>",
        },
    )
    with Httpd(project, text, ["alias", "authz_host"]) as httpd:
        page = get(httpd.port, "/a%2Fb?who=D%C3%A9a").body.decode()
        assert page == "Hello, Déa! This is /a/b, over fastcgi.\n"
        assert get(httpd.port, "/static/style.css").body.startswith(b"body {")
        status = get(httpd.port, "/status").body.decode()
        assert status.startswith(f"Python {sys.version.split()[0]} in process ")
        # httpd's own process, and not that of the group.
        assert int(status.split()[-1]) in children(httpd.pid)
