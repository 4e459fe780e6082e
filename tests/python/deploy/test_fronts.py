"""nginx, HAProxy and Caddy in front, configured as the pages say."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

import pytest

from command.running import PATIENCE, Server

from .front import DEPLOY, filled_in, free_port, program, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SPOOFED = {
    "X-Forwarded-For": "198.51.100.1",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "for=198.51.100.2;proto=https;host=evil.example",
}


class Answered(NamedTuple):
    status: int
    seen: dict[str, str | int]


def ask(port: int, headers: dict[str, str] | None = None) -> Answered:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", "/a%20b?c=d", headers=headers or {})
        response = connection.getresponse()
        return Answered(response.status, json.loads(response.read()))
    finally:
        connection.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    """The socket of a server that trusts who can open it."""
    path = tmp_path / "site.sock"
    server = Server(
        *("serve", "app:app", "--bind", f"unix:{path}", "--trust-proxy", "unix"),
        cwd=DEPLOY,
    )
    try:
        server.wait_for("listening on unix:")
        yield path
        server.send(signal.SIGTERM)
        assert server.wait() == 0
    finally:
        server.close()


def believes_the_proxy_alone(port: int) -> None:
    expected = {
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
        "HTTP_HOST": f"127.0.0.1:{port}",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a b",
    }
    for headers in ({}, SPOOFED, {"X-Forwarded-Proto": "https"}):
        status, seen = ask(port, headers)
        seen.pop("process")
        assert (status, seen) == (200, expected), headers


def test_nginx(site: Path, tmp_path: Path) -> None:
    port = free_port()
    conf = filled_in(
        DEPLOY / "nginx" / "site.conf",
        {"listen 80": f"listen 127.0.0.1:{port}", "/run/site.sock": str(site)},
    )
    temporary = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/nginx.pid;\nerror_log stderr;\ndaemon off;\nuser root;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{temporary}{conf}}}\n"
    )
    command = [program("nginx"), "-e", "stderr", "-c", str(tmp_path / "nginx.conf")]
    with running(command, port, tmp_path):
        believes_the_proxy_alone(port)


def test_caddy(site: Path, tmp_path: Path) -> None:
    port = free_port()
    conf = filled_in(
        DEPLOY / "caddy" / "Caddyfile",
        {
            "example.org": f"http://127.0.0.1:{port}",
            "unix//run/site.sock": f"unix/{site}",
        },
    )
    (tmp_path / "Caddyfile").write_text(f"{{\n\tadmin off\n}}\n{conf}")
    command = [program("caddy"), "run", "--config", str(tmp_path / "Caddyfile")]
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
    with running([*command, "--adapter", "caddyfile"], port, tmp_path, **home):
        believes_the_proxy_alone(port)


class Load:
    """Clients that ask again and again, on kept connections, and count."""

    def __init__(self, port: int, clients: int) -> None:
        self.port = port
        self.failures: list[str] = []
        self.processes: list[int] = []
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, daemon=True) for _ in range(clients)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        while not self._over.is_set():
            try:
                connection.request("GET", "/")
                response = connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
                continue
            if response.status == 200:
                self.processes.append(json.loads(body)["process"])
            else:
                self.failures.append(f"{response.status} {body[:80]!r}")
        connection.close()

    def until_answered_by(self, wanted: set[int]) -> None:
        """Waits until all of these processes, and no others, have answered lately."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            seen = len(self.processes)
            while len(self.processes) < seen + 60 and time.monotonic() < deadline:
                time.sleep(0.01)
            if set(self.processes[seen:]) == wanted:
                return
        pytest.fail(f"{wanted} do not answer: {set(self.processes[-60:])}")


def test_haproxy_with_one_of_three_servers_taken_down(tmp_path: Path) -> None:
    ports = [(free_port(), free_port()) for _ in range(3)]
    front = free_port()
    values = {"bind :80": f"bind 127.0.0.1:{front}"}
    for number, (public, management) in enumerate(ports, start=1):
        values[f"127.0.0.1:{8000 + number} port"] = f"127.0.0.1:{public} port"
        values[f"port {9100 + number}"] = f"port {management}"
    conf = filled_in(DEPLOY / "haproxy" / "haproxy.cfg", values)
    (tmp_path / "haproxy.cfg").write_text(conf)

    def start(public: int, management: int) -> Server:
        server = Server(
            *("serve", "app:app", "--trust-proxy", "127.0.0.1"),
            *("--bind", f"127.0.0.1:{public}"),
            *("--management", f"127.0.0.1:{management}"),
            cwd=DEPLOY,
        )
        stack.callback(server.close)
        server.wait_for("serving app:app")
        return server

    with ExitStack() as stack:
        servers = [start(*pair) for pair in ports]
        command = [program("haproxy"), "-db", "-f", str(tmp_path / "haproxy.cfg")]
        stack.enter_context(running(command, front, tmp_path))
        with Load(front, clients=6) as load:
            everybody = {server.process.pid for server in servers}
            load.until_answered_by(everybody)
            for number, server in enumerate(servers):
                everybody.remove(server.process.pid)
                server.send(signal.SIGTERM)
                assert server.wait() == 0
                load.until_answered_by(everybody)
                servers[number] = start(*ports[number])
                everybody.add(servers[number].process.pid)
                load.until_answered_by(everybody)
        assert load.failures == []
        believes_the_proxy_alone(front)
        assert os.getpid() not in load.processes
