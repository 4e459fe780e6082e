"""The backends: adding one to the suite is one entry in `BACKENDS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from support.fronts import haproxy, httpd, lighttpd, nginx
from support.fronts.apache import Apache
from support.fronts.facts import FACTS
from support.fronts.servers import Fronted, Hosted
from support.gateway import SCGI, CgiFcgi, FastCGI, GatewayServer, Uwsgi
from support.messages import Request
from support.server import CgiServer, EmbeddedServer, Served, Server, StubServer

_PROBE = Path(__file__).with_name("probe.py")


@dataclass
class Backend:
    """One way to serve an application; servers are started once and kept.

    Attributes:
        name: What the suite calls it.
        start: Starts a server.
        protocol: What the command calls the backend of ours that it rests on.
        slow: Whether it has the cases of WSGI in full runs only, those of the native
            API always: it has a process for each request, or a wait for each cut, or
            differs little from another.
    """

    name: str
    start: Callable[[Served], Server]
    protocol: str
    slow: bool = False
    _servers: dict[object, Server] = field(default_factory=dict)
    _capabilities: frozenset[str] | None = None

    @property
    def capabilities(self) -> frozenset[str]:
        """What this backend can do, asked from an application that runs under it."""
        if self._capabilities is None:
            options = ("--api", "transaction")
            server = self.start(Served(f"{_PROBE}:application", self.protocol, options))
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
        served = Served(
            f"{file}:{attribute}",
            self.protocol,
            ("--api", api, *options),
            settings or {},
            mount,
            self.capabilities,
        )
        key = (*served.command(), mount, *served.settings.items())
        if key not in self._servers:
            self._servers[key] = self.start(served)
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
                complaints.append(f"{self.name}, {server.served.application}: {error}")
        self._servers.clear()
        return complaints


def _apache(mpm: str, process: str, protocol: str) -> Backend:
    """Httpd with our module: every case with one of its kinds, few with the others."""
    start = partial(Apache, mpm, process)
    return Backend(f"apache-{mpm}-{process}", start, protocol, slow=mpm != "event")


BACKENDS = [
    Backend("hyper", EmbeddedServer, "hyper"),
    Backend("tiny-http", EmbeddedServer, "tiny-http"),
    Backend("cgi", CgiServer, "cgi"),
    Backend("fastcgi", partial(GatewayServer, FastCGI), "fastcgi"),
    Backend("scgi", partial(GatewayServer, SCGI), "scgi"),
    Backend("uwsgi", partial(GatewayServer, Uwsgi), "uwsgi"),
    Backend("cgi-fcgi", partial(GatewayServer, CgiFcgi), "fastcgi"),
    Backend("nginx-fastcgi", partial(Fronted, nginx.gateway), "fastcgi"),
    Backend("nginx-scgi", partial(Fronted, nginx.gateway, told=True), "scgi"),
    Backend("nginx-uwsgi", partial(Fronted, nginx.gateway, told=True), "uwsgi"),
    Backend("lighttpd-fastcgi", partial(Fronted, lighttpd.gateway), "fastcgi"),
    Backend("lighttpd-scgi", partial(Fronted, lighttpd.gateway), "scgi"),
    Backend("lighttpd-bin-path", partial(Hosted, lighttpd.spawning), "fastcgi"),
    Backend("lighttpd-cgi", partial(Hosted, lighttpd.cgi), "cgi", slow=True),
    Backend("haproxy-fcgi", partial(Fronted, haproxy.gateway, told=True), "fastcgi"),
    Backend("mod-proxy-scgi", partial(Fronted, httpd.gateway, unix=False), "scgi"),
    Backend("mod-proxy-uwsgi", partial(Fronted, httpd.gateway, unix=False), "uwsgi"),
    Backend("mod-proxy-fcgi", partial(Fronted, httpd.gateway, unix=False), "fastcgi"),
    Backend("mod-fcgid", partial(Hosted, httpd.fcgid), "fastcgi"),
    Backend("mod-cgi", partial(Hosted, httpd.cgi), "cgi", slow=True),
    Backend("mod-cgid", partial(Hosted, httpd.cgid), "cgi", slow=True),
    _apache("event", "inline", "apache"),
    _apache("event", "group", "fastcgi"),
    _apache("worker", "inline", "apache"),
    _apache("worker", "group", "fastcgi"),
    _apache("prefork", "inline", "apache"),
    _apache("prefork", "group", "fastcgi"),
    Backend("cgi-warm", partial(StubServer, "warm"), "cgi-warm"),
    Backend("cgi-fork", partial(StubServer, "fork"), "cgi-fork"),
    Backend("cgi-cold", partial(StubServer, "cold"), "cgi", slow=True),
]
