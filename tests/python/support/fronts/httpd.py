"""Apache's httpd: its modules for CGI and the gateway protocols, and ours."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import narthex
from support.fronts.program import Port, Program, find_program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from support.log import Log

_MODULES = Path("/usr/lib/apache2/modules")

_CONFIGURATION = """\
ServerRoot {folder}
DefaultRuntimeDir {folder}
PidFile {folder}/httpd.pid
ErrorLog /dev/stderr
LogLevel warn
ServerName 127.0.0.1
UseCanonicalName Off
Define PORT {port}
Listen 127.0.0.1:{port}
{modules}
# As many connections at once as any case wants.
<IfModule !mpm_prefork_module>
    StartServers 1
    ServerLimit 1
    ThreadsPerChild 32
    MaxRequestWorkers 32
</IfModule>
<IfModule mpm_prefork_module>
    StartServers 4
    MinSpareServers 4
    MaxRequestWorkers 32
</IfModule>
# What is cut ends only then (mod_proxy).
KeepAliveTimeout 1
MaxKeepAliveRequests 0
Timeout 30
LimitRequestLine 65536
LimitRequestFieldSize 65536
DocumentRoot {folder}/htdocs
<Location />
    Require all granted
    # Otherwise the application never sees who logs in.
    CGIPassAuth On
</Location>
# A path reaches the application as the client wrote it.
AllowEncodedSlashes NoDecode
MergeSlashes Off
# Since 2.4.59 it takes away a Content-Length that it did not count itself, unless told.
SetEnv ap_trust_cgilike_cl 1
{host}
"""


class Httpd(Program):
    """httpd with one host."""

    def __init__(
        self,
        folder: Path,
        host: str,
        modules: Sequence[str],
        *,
        mpm: str = "event",
        log: Log | None = None,
        variables: Mapping[str, str] | None = None,
        root: bool = False,
        before: Sequence[str] = (),
    ) -> None:
        """Starts it with these modules; `host` is what the host has of its own.

        Where that says which user it is to become, root may start it. `before` are
        words that stand before it, such as a program that watches it.
        """
        port = Port()
        configuration = configure(folder, port.number, host, modules, mpm)
        command: list[str | Path] = [
            find_program("apache2"),
            "-DFOREGROUND",
            "-f",
            configuration,
        ]
        super().__init__(
            [*([] if root else not_as_root()), *before, *command],
            *(port, folder),
            log=log,
            variables=variables,
        )


def configure(
    folder: Path, port: int, host: str, modules: Sequence[str], mpm: str
) -> Path:
    """Writes a configuration into `folder`; `host` is what the host has of its own."""
    (folder / "htdocs").mkdir(exist_ok=True)
    configuration = folder / "httpd.conf"
    wanted = [f"mpm_{mpm}", "authz_core", "env", *modules]
    configuration.write_text(
        _CONFIGURATION.format(
            folder=folder,
            port=port,
            modules="\n".join(f"LoadModule {_loaded(name)}" for name in wanted),
            host=host,
        )
    )
    return configuration


def _loaded(module: str) -> str:
    path = ours() if module == "narthex" else _MODULES / f"mod_{module}.so"
    return f'{module}_module "{path}"'


def ours() -> Path:
    """Where mod_narthex.so lies: where it is said to, else in the package.

    Raises:
        AssertionError: It is not there.
    """
    laid = Path(narthex.__file__).with_name("_native") / "mod_narthex.so"
    path = Path(os.environ.get("NARTHEX_MODULE", laid))
    assert path.is_file(), f"no {path}: run python/build/narthex_build.py"
    return path


def quoted(word: object) -> str:
    """A word of the configuration, whatever is in it but a variable."""
    text = str(word).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def not_as_root() -> list[str]:
    """What lets httpd believe that it runs as somebody who is not root.

    It never serves as root, and whoever else it became could reach neither the
    interpreter nor the application of a user whose folders are private. In a user
    namespace it is this user by another number.
    """
    if os.geteuid() != 0:
        return []
    return [find_program("unshare"), "--user", "--map-user=1000", "--map-group=1000"]


def gateway(folder: Path, protocol: str, upstream: str, mount: str, log: Log) -> Httpd:
    """Starts httpd with mod_proxy before a gateway at `upstream`."""
    scheme = {"fastcgi": "fcgi"}.get(protocol, protocol)
    place = mount or "/"
    options = "enablereuse=on flushpackets=on timeout=30"
    # Only FastCGI can do without the length of a body; otherwise chunks are gathered.
    streamed = "SetEnv proxy-sendchunked 1" if scheme == "fcgi" else ""
    host = f"""\
ProxyPass "{place}" "{scheme}://{upstream}{"" if mount else "/"}" {options}
{streamed}
"""
    return Httpd(folder, host, ["proxy", f"proxy_{scheme}"], log=log)


def fcgid(folder: Path, program: Path, mount: str, log: Log) -> Httpd:
    """Starts httpd with mod_fcgid, which starts `program`."""
    host = f"""\
FcgidIPCDir {folder}
FcgidProcessTableFile {folder}/fcgid_shm
FcgidMaxProcessesPerClass 1
FcgidMaxRequestLen 2147483647
FcgidIOTimeout 30
FcgidOutputBufferSize 0
{_script(program, mount)}
<Directory "{program.parent}">
    Options +ExecCGI
    SetHandler fcgid-script
</Directory>
"""
    return Httpd(folder, host, ["alias", "fcgid"], log=log)


def cgid(folder: Path, program: Path, mount: str, log: Log) -> Httpd:
    """Starts httpd with mod_cgid, whose daemon starts `program` for each request."""
    host = f"ScriptSock {folder}/cgid\n{_script(program, mount)}"
    return Httpd(folder, host, ["alias", "cgid"], log=log)


def cgi(folder: Path, program: Path, mount: str, log: Log) -> Httpd:
    """Starts httpd with mod_cgi, whose workers start `program` for each request."""
    host = _script(program, mount)
    return Httpd(folder, host, ["alias", "cgi"], mpm="prefork", log=log)


def _script(program: Path, mount: str) -> str:
    """Everything below `mount` is `program`'s."""
    return (
        f'ScriptAlias "{mount}" "{program}"\n'
        if mount
        else f'ScriptAlias "/" "{program}/"\n'
    )
