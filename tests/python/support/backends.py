"""The backends: adding one to the suite is one entry in `BACKENDS`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from support import gateway, stub
from support.fronts import haproxy, httpd, lighttpd, nginx
from support.fronts.facts import FACTS
from support.fronts.servers import Fronted, Gateway, Host, Hosted
from support.gateway import Ask, GatewayServer
from support.messages import Request
from support.server import (
    CgiServer,
    EmbeddedServer,
    Server,
    StubServer,
    python_command,
)

_PROBE = Path(__file__).with_name("probe.py")


class Start(Protocol):
    """How a backend starts serving an application."""

    def __call__(
        self,
        application: str,
        capabilities: frozenset[str],
        options: Sequence[str],
        settings: Mapping[str, str],
        mount: str,
    ) -> Server:
        """Serves `application` below `mount`."""


def _embedded(name: str) -> Start:
    """Starts the embedded server `name` on a free port."""

    def start(
        application: str,
        capabilities: frozenset[str],
        options: Sequence[str],
        settings: Mapping[str, str],
        mount: str,
    ) -> Server:
        mounted = ["--mount", mount] if mount else []
        command = python_command("run", application, "--backend", name, "--no-debug")
        command += ["--bind", "127.0.0.1:0"]
        command += [*mounted, *options]
        return EmbeddedServer(application, capabilities, command, settings)

    return start


def _cgi(
    application: str,
    capabilities: frozenset[str],
    options: Sequence[str],
    settings: Mapping[str, str],
    mount: str,
) -> Server:
    """Runs the application as a CGI program below `mount`."""
    # What follows the application on the command line is the web server's.
    command = python_command("cgi", *options, application)
    return CgiServer(application, capabilities, command, settings, mount)


def _stub(mode: str) -> Start:
    """Runs the application by narthex-cgi, below `mount`."""

    def start(
        application: str,
        capabilities: frozenset[str],
        options: Sequence[str],
        settings: Mapping[str, str],
        mount: str,
    ) -> Server:
        command = [stub.program(), f"--mode={mode}", *stub.options(options)]
        command += [application]
        return StubServer(application, capabilities, command, settings, mount)

    return start


def _before(
    gateway: Gateway, protocol: str, *, unix: bool = True, told: bool = False
) -> Start:
    """Starts a web server before a gateway, which may be told where it is mounted."""

    def start(
        application: str,
        capabilities: frozenset[str],
        options: Sequence[str],
        settings: Mapping[str, str],
        mount: str,
    ) -> Server:
        command = python_command(
            *("run", application, "--backend", protocol, "--no-debug", *options)
        )
        if told and mount:
            command += ["--mount", mount]
        return Fronted(
            *(application, capabilities, command, settings, gateway, protocol, mount),
            unix=unix,
        )

    return start


def _below(host: Host, protocol: str) -> Start:
    """Starts a web server that starts the application."""

    def start(
        application: str,
        capabilities: frozenset[str],
        options: Sequence[str],
        settings: Mapping[str, str],
        mount: str,
    ) -> Server:
        command = python_command("run", "--backend", protocol, "--no-debug", *options)
        return Hosted(
            *(
                application,
                capabilities,
                [*command, application],
                settings,
                host,
                mount,
            ),
            resident=protocol != "cgi",
        )

    return start


@dataclass
class Backend:
    """One way to serve an application; servers are started once and kept.

    Attributes:
        name: What the suite calls it.
        start: Starts it.
        protocol: What the command calls the backend of ours that it rests on.
    """

    name: str
    start: Start
    protocol: str
    # A process for each request, or a wait for each cut: what WSGI has to be like there
    # is looked at in full runs, every other run has the cases of the native API.
    slow: bool = False
    _servers: dict[object, Server] = field(default_factory=dict)
    _capabilities: frozenset[str] | None = None

    @property
    def capabilities(self) -> frozenset[str]:
        """What this backend can do, asked from an application that runs under it."""
        if self._capabilities is None:
            server = self.start(
                f"{_PROBE}:application", frozenset(), ("--api", "transaction"), {}, ""
            )
            self._capabilities = frozenset(server.request(Request()).text.split())
            server.stop()
        return self._capabilities

    def serve(
        self,
        file: Path,
        attribute: str = "application",
        *,
        api: str = "wsgi",
        options: Sequence[str] = (),
        settings: Mapping[str, str] | None = None,
        mount: str = "",
    ) -> Server:
        """Serves an application, or gives back the server that already does."""
        options = ("--api", api, *options)
        application = f"{file}:{attribute}"
        settings = settings or {}
        key = (application, options, tuple(settings.items()), mount)
        if key not in self._servers:
            self._servers[key] = self.start(
                application, self.capabilities, options, settings, mount
            )
        return self._servers[key]

    @property
    def facts(self) -> dict[str, str]:
        """What the web server of this one does by itself: names and sentences."""
        return {
            name: fact.sentence
            for name, fact in FACTS.items()
            if self.name in fact.fronts
        }

    def servers(self) -> list[Server]:
        """Lists the servers that run."""
        return list(self._servers.values())

    def stop(self) -> list[str]:
        """Stops every server, and says of each that did not end well why."""
        complaints = []
        for server in self._servers.values():
            try:
                server.stop()
            except Exception as error:  # noqa: PERF203 - every one is to be stopped
                complaints.append(f"{self.name}, {server.application}: {error}")
        self._servers.clear()
        return complaints


def _asked(ask: Ask, protocol: str) -> Start:
    """Starts a gateway that is asked by a client of the suite."""

    def start(
        application: str,
        capabilities: frozenset[str],
        options: Sequence[str],
        settings: Mapping[str, str],
        mount: str,
    ) -> Server:
        command = python_command(
            *("run", application, "--backend", protocol, "--no-debug", *options),
            *("--bind", "127.0.0.1:0"),
        )
        return GatewayServer(application, capabilities, command, settings, mount, ask)

    return start


BACKENDS = [
    Backend("hyper", _embedded("hyper"), "hyper"),
    Backend("tiny-http", _embedded("tiny-http"), "tiny-http"),
    Backend("cgi", _cgi, "cgi"),
    Backend("fastcgi", _asked(gateway.FastCGI, "fastcgi"), "fastcgi"),
    Backend("scgi", _asked(gateway.SCGI, "scgi"), "scgi"),
    Backend("uwsgi", _asked(gateway.Uwsgi, "uwsgi"), "uwsgi"),
    Backend("cgi-fcgi", _asked(gateway.CgiFcgi, "fastcgi"), "fastcgi"),
    Backend("nginx-fastcgi", _before(nginx.gateway, "fastcgi"), "fastcgi"),
    Backend("nginx-scgi", _before(nginx.gateway, "scgi", told=True), "scgi"),
    Backend("nginx-uwsgi", _before(nginx.gateway, "uwsgi", told=True), "uwsgi"),
    Backend("lighttpd-fastcgi", _before(lighttpd.gateway, "fastcgi"), "fastcgi"),
    Backend("lighttpd-scgi", _before(lighttpd.gateway, "scgi"), "scgi"),
    Backend("lighttpd-bin-path", _below(lighttpd.spawning, "fastcgi"), "fastcgi"),
    Backend("lighttpd-cgi", _below(lighttpd.cgi, "cgi"), "cgi", slow=True),
    Backend("haproxy-fcgi", _before(haproxy.gateway, "fastcgi", told=True), "fastcgi"),
    Backend("mod-proxy-scgi", _before(httpd.gateway, "scgi", unix=False), "scgi"),
    Backend("mod-proxy-uwsgi", _before(httpd.gateway, "uwsgi", unix=False), "uwsgi"),
    Backend("mod-proxy-fcgi", _before(httpd.gateway, "fastcgi", unix=False), "fastcgi"),
    Backend("mod-fcgid", _below(httpd.fcgid, "fastcgi"), "fastcgi"),
    Backend("mod-cgi", _below(httpd.cgi, "cgi"), "cgi", slow=True),
    Backend("mod-cgid", _below(httpd.cgid, "cgi"), "cgi", slow=True),
    Backend("cgi-warm", _stub("warm"), "cgi-warm"),
    Backend("cgi-fork", _stub("fork"), "cgi-fork"),
    Backend("cgi-cold", _stub("cold"), "cgi", slow=True),
]
