"""HAProxy: its `fcgi-app`, which sends several requests over one connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.fronts.program import Port, Program, find_program

if TYPE_CHECKING:
    from pathlib import Path

    from support.log import Log

_CONFIGURATION = """\
global
    tune.bufsize 65536
defaults
    mode http
    timeout connect 10s
    timeout client 30s
    timeout server 30s
frontend front
    bind 127.0.0.1:{port}
    default_backend back
{sections}
"""


class HAProxy(Program):
    """HAProxy with one frontend, which passes everything on to `back`."""

    def __init__(self, folder: Path, sections: str, *, log: Log | None = None) -> None:
        """Starts it; `sections` has the backend called `back`."""
        port = Port()
        configuration = folder / "haproxy.cfg"
        configuration.write_text(
            _CONFIGURATION.format(port=port.number, sections=sections)
        )
        command: list[str | Path] = [
            find_program("haproxy"),
            "-db",
            "-q",
            "-f",
            configuration,
        ]
        super().__init__(command, port, folder, log=log)


def gateway(
    folder: Path, protocol: str, upstream: str, mount: str, log: Log
) -> HAProxy:
    """Starts HAProxy before a FastCGI gateway at `upstream`.

    It can say what SCRIPT_NAME is only where something follows (`path-info`), so the
    gateway is told by `--mount`.
    """
    assert protocol == "fastcgi"
    sections = f"""\
backend back
    use-fcgi-app application
    # Several requests at once share a connection.
    http-reuse always
    server narthex {upstream} proto fcgi
fcgi-app application
    docroot {folder}
    option keep-conn
    option mpxs-conns
    option max-reqs 64
    pass-header Authorization
    set-param REQUEST_URI %[pathq]
    set-param SERVER_NAME 127.0.0.1
"""
    return HAProxy(folder, sections, log=log)
