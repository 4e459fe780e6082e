"""A real nginx in front, set up as its users do."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from proxy.conftest import Site
from support.client import DEADLINE
from support.fronts.nginx import Nginx

_FORWARDING = """\
proxy_set_header Host $http_host;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_set_header X-Forwarded-Proto $scheme;
"""
_SERVER = f"""\
location / {{{{
    proxy_pass http://{{upstream}};
    {_FORWARDING}
}}}}
location = /twice {{{{
    proxy_pass http://$server_addr:$server_port/;
    {_FORWARDING}
}}}}
location /stripped/ {{{{
    proxy_pass http://{{upstream}}/;
    proxy_set_header X-Forwarded-Host shop.example;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto https;
    proxy_set_header X-Forwarded-Prefix /stripped;
}}}}
location = /standard {{{{
    proxy_pass http://{{upstream}};
    set $added "for=$remote_addr;host=shop.example;proto=https";
    proxy_set_header Forwarded "$http_forwarded, $added";
}}}}
"""
# Not trusted below, unlike nginx itself, which calls from 127.0.0.1.
CLIENT = "127.0.0.2"

Front = Callable[[str], int]


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    """Starts nginx with a `server` block; returns its port."""
    with ExitStack() as stack:
        yield lambda server: stack.enter_context(Nginx(tmp_path, server)).port


def ask(port: int, target: str = "/", **fields: str) -> dict[str, Any]:
    """Asks nginx, as the client; returns what the application saw."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", port, DEADLINE, source_address=(CLIENT, 0)
    )
    try:
        connection.putrequest("GET", target, skip_host="host" in fields)
        for name, value in fields.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        response = connection.getresponse()
        body = response.read()
        assert response.status == 200, body
        seen: dict[str, Any] = json.loads(body)
        return seen
    finally:
        connection.close()


def test_a_client_cannot_choose_its_address(site: Site, front: Front) -> None:
    server = site.serve("--trust-proxy=127.0.0.1")
    port = front(_SERVER.format(upstream=f"127.0.0.1:{server.address[1]}"))
    for claim in ["198.51.100.7", "127.0.0.1", "unknown", '"', "x, 192.0.2.9"]:
        for target in ["/", "/twice"]:
            seen = ask(port, target, x_forwarded_for=claim, forwarded="for=192.0.2.8")
            assert seen["client"] == [CLIENT, None]
            assert seen["scheme"] == "http"
            hops = [claim, CLIENT] + ["127.0.0.1"] * (target == "/twice")
            assert seen["fields"]["x-forwarded-for"] == ", ".join(hops)
            assert "forwarded" not in seen["fields"]


def test_the_public_address_is_that_of_nginx(site: Site, front: Front) -> None:
    names = [f"x-forwarded-{name}" for name in ("for", "proto", "host", "prefix")]
    server = site.serve("--trust-proxy=127.0.0.1", f"--proxy-headers={','.join(names)}")
    port = front(_SERVER.format(upstream=f"127.0.0.1:{server.address[1]}"))
    # What nginx does not set, it passes on: a client's own words.
    seen = ask(port, "/stripped/a%20b?c", x_forwarded_port="1")
    assert seen["client"] == [CLIENT, None]
    assert seen["url"] == "https://shop.example/stripped/a%20b?c"
    assert sorted(seen["fields"]) == sorted(names)
    assert (seen["mount"], seen["path"]) == ("/stripped", "/a b")


def test_rfc_7239_as_nginx_adds_it(site: Site, front: Front) -> None:
    server = site.serve("--trust-proxy=127.0.0.1", "--proxy-headers=forwarded")
    port = front(_SERVER.format(upstream=f"127.0.0.1:{server.address[1]}"))
    for claim in ["for=192.0.2.1", "", 'for="', 'for=127.0.0.1;x="\\', "nonsense"]:
        seen = ask(port, "/standard", forwarded=claim, x_forwarded_for="192.0.2.8")
        assert seen["client"] == [CLIENT, None]
        assert seen["url"] == "https://shop.example/standard"
        assert list(seen["fields"]) == ["forwarded"]


def test_over_a_unix_socket(site: Site, front: Front, tmp_path: Path) -> None:
    path = tmp_path / "app"
    server = site.serve("--trust-proxy=unix", f"--bind=unix:{path}")
    port = front(_SERVER.format(upstream=f"unix:{path}:"))
    seen = ask(port, "/x", x_forwarded_for="192.0.2.1", host="shop.example:81")
    assert seen["client"] == [CLIENT, None]
    assert seen["url"] == "http://shop.example:81/x"
    # Whoever comes by TCP is not trusted.
    local = ask(server.address[1], x_forwarded_for="192.0.2.1")
    assert local["client"][0] == CLIENT
    assert local["fields"] == {}
