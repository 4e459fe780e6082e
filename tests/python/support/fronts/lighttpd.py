"""lighttpd: mod_fastcgi, mod_scgi and mod_cgi."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from support.fronts.program import Port, Program, find_program

if TYPE_CHECKING:
    from support.log import Log

_CONFIGURATION = """\
server.modules = ({modules})
server.document-root = "{folder}/htdocs"
server.bind = "127.0.0.1"
server.port = {port}
server.name = "127.0.0.1"
server.upload-dirs = ("{folder}")
# Responses are passed on as they come. Bodies of requests are not: of chunks there
# would be no length to tell, and lighttpd would answer 411.
server.stream-request-body = 0
server.stream-response-body = 2
# What parts of a resource there are is for the application to say.
server.range-requests = "disable"
server.max-keep-alive-requests = 100000
server.max-request-field-size = 65535
# A path reaches the application as the client wrote it.
server.http-parseopts = (
    "header-strict" => "enable",
    "host-strict" => "enable",
    "url-normalize" => "disable",
    "method-get-body" => "enable",
)
{site}
"""


class Lighttpd(Program):
    """lighttpd with one site."""

    def __init__(
        self, folder: Path, site: str, module: str, *, log: Log | None = None
    ) -> None:
        """Starts it with what `site` adds to what every site needs."""
        port = Port()
        (folder / "htdocs").mkdir()
        configuration = folder / "lighttpd.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                folder=folder,
                port=port.number,
                modules=f'"{module}"',
                site=site,
            )
        )
        command: list[str | Path] = [
            find_program("lighttpd"),
            "-D",
            "-f",
            configuration,
        ]
        super().__init__(command, port, folder, log=log)


def gateway(
    folder: Path, protocol: str, upstream: str, mount: str, log: Log
) -> Lighttpd:
    """Starts lighttpd before a gateway that listens on the socket `upstream`."""
    options = f'"socket" => "{upstream}"'
    return _server(folder, protocol, options, mount, log)


def spawning(folder: Path, program: Path, mount: str, log: Log) -> Lighttpd:
    """Starts lighttpd, which starts `program` with a FastCGI socket as its input."""
    options = f"""\
"socket" => "{folder}/spawned",
        "bin-path" => "{program}",
        "max-procs" => 1"""
    return _server(folder, "fastcgi", options, mount, log)


def _server(
    folder: Path, protocol: str, options: str, mount: str, log: Log
) -> Lighttpd:
    site = f"""\
{protocol}.server = (
    "{mount or "/"}" => ((
        {options},
        "check-local" => "disable",
        # Without it everything below "/" would be SCRIPT_NAME.
        "fix-root-scriptname" => "enable",
    ))
)
"""
    return Lighttpd(folder, site, f"mod_{protocol}", log=log)


def cgi(folder: Path, program: Path, mount: str, log: Log) -> Lighttpd:
    """Starts lighttpd with mod_cgi, which starts `program` for each request."""
    site = f"""\
server.modules += ("mod_alias")
alias.url = ("{mount}{"" if mount else "/"}" => "{program}{"" if mount else "/"}")
$HTTP["url"] =~ "^" {{
    cgi.assign = ("" => "")
    cgi.execute-x-only = "enable"
}}
"""
    return Lighttpd(folder, site, "mod_cgi", log=log)
