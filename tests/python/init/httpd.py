"""Apache's httpd around what was written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import narthex
from deploy.front import program, running

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from .sites import Site

_MODULES = Path("/usr/lib/apache2/modules")

# What the system's own files say before they include ours.
_AROUND = """\
ServerRoot {state}
DefaultRuntimeDir {state}
PidFile {state}/pid
ErrorLog /dev/stderr
ServerName localhost
Listen 127.0.0.1:{port}
{modules}
TypesConfig /dev/null
AddType text/css .css
DocumentRoot {state}
<Directory />
    AllowOverride None
    Require all denied
</Directory>
<Directory {state}>
    Require all granted
</Directory>
<IfModule mod_fcgid.c>
    FcgidIPCDir {state}
    FcgidProcessTableFile {state}/fcgid
</IfModule>
<IfModule mod_cgid.c>
    ScriptSock {state}/cgid
</IfModule>
{lines}
"""


def httpd(
    site: Site, modules: Sequence[str], lines: str, mpm: str = "event"
) -> AbstractContextManager[None]:
    """Runs it at the site's port, `lines` last in its configuration."""
    # Its own files have names that need no quotes, whatever those of the site are.
    state = site.state
    wanted = [f"mpm_{mpm}", "authz_core", "authn_core", "mime", "dir", "env", *modules]
    around = state / "httpd.conf"
    around.write_text(
        _AROUND.format(
            state=state,
            port=site.port,
            modules="\n".join(
                f"LoadModule {name}_module {_MODULES}/mod_{name}.so" for name in wanted
            ),
            lines=_own_python(modules) + lines,
        )
    )
    command = [program("apache2"), "-DFOREGROUND", "-f", str(around)]
    return running([*_as_somebody(), *command], site.port, state)


def quoted(path: Path) -> str:
    """A word of its configuration."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _own_python(modules: Sequence[str]) -> str:
    """Where the package is, for a Python that has nothing of its own."""
    path = Path(narthex.__file__).parents[1]
    fcgid = f'FcgidInitialEnv PYTHONPATH "{path}"\n' if "fcgid" in modules else ""
    return f'{fcgid}SetEnv PYTHONPATH "{path}"\n'


def _as_somebody() -> list[str]:
    """Lets it believe that it is not root: it would become a user who may nothing."""
    if os.geteuid() != 0:
        return []
    return [program("unshare"), "--user", "--map-user=1000", "--map-group=1000"]
