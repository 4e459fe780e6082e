"""Whose word counts, and what it changes for the application."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from command.running import get
from proxy.conftest import Site, view, views

if TYPE_CHECKING:
    from command.conftest import Starter

LOCAL = "--trust-proxy=127.0.0.0/8"
SAID = [
    ("Host", "own.example"),
    ("X-Forwarded-For", "198.51.100.7, 192.0.2.1"),
    ("X-Forwarded-Proto", "http, https"),
    ("X-Forwarded-Host", "app.example"),
    ("X-Forwarded-Prefix", "/outer"),
    ("Forwarded", "for=198.51.100.9;host=evil.example"),
]


def test_a_trusted_proxy_says_who_asks(site: Site) -> None:
    assert view(site.serve(LOCAL), *SAID, target="/x?y=1") == {
        "client": ["192.0.2.1", None],
        "scheme": "https",
        "server": ["app.example", 443],
        "host": "app.example",
        "mount": "/outer",
        "path": "/x",
        "url": "https://app.example/outer/x?y=1",
        "fields": {name.lower(): value for name, value in SAID[1:5]},
    }


def test_without_the_option_nothing_is_believed_or_dropped(site: Site) -> None:
    seen = view(site.serve(), *SAID)
    assert seen["client"][0] == "127.0.0.1"
    assert seen["client"][1] is not None
    assert seen["url"] == "http://own.example/"
    assert seen["fields"] == {name.lower(): value for name, value in SAID[1:]}


def test_who_is_not_trusted_is_not_passed_on(site: Site) -> None:
    seen = view(site.serve("--trust-proxy=10.0.0.0/8,::1,unix"), *SAID)
    assert seen["client"][0] == "127.0.0.1"
    assert seen["url"] == "http://own.example/"
    assert seen["fields"] == {}


def test_rfc_7239(site: Site) -> None:
    server = site.serve(LOCAL, "--proxy-headers=forwarded")
    seen = view(
        server,
        ("X-Forwarded-For", "198.51.100.7"),
        ("X-Forwarded-Host", "evil.example"),
        ("Forwarded", 'for=198.51.100.9;x="'),
        ("Forwarded", 'for="[2001:db8::1]:4711";host="app.example:81";proto=https'),
        ("Forwarded", "for=127.0.0.2"),
    )
    assert seen["client"] == ["2001:db8::1", 4711]
    assert seen["server"] == ["app.example", 81]
    assert seen["url"] == "https://app.example:81/"
    assert list(seen["fields"]) == ["forwarded"]


def test_each_request_of_a_connection_has_its_own_client(site: Site) -> None:
    clients = ["192.0.2.1", "192.0.2.1", "192.0.2.2", None, "192.0.2.1:80", "nonsense"]
    rows = [[("X-Forwarded-For", client)] if client else [] for client in clients]
    seen = [row["client"] for row in views(site.serve(LOCAL), *rows)]
    port = seen[3][1]
    assert seen == [
        ["192.0.2.1", None],
        ["192.0.2.1", None],
        ["192.0.2.2", None],
        ["127.0.0.1", port],
        ["192.0.2.1", 80],
        ["127.0.0.1", port],
    ]


@pytest.mark.parametrize("value", ["unknown", "_hidden"])
def test_who_is_hidden_does_not_pass_for_the_proxy(site: Site, value: str) -> None:
    seen = view(site.serve(LOCAL), ("X-Forwarded-For", value))
    assert seen["client"] == [value, None]


def test_names_with_underscores_do_not_pass_for_the_field(site: Site) -> None:
    seen = view(
        site.serve(LOCAL),
        ("X_Forwarded_For", "198.51.100.7"),
        ("X-Forwarded-For", "192.0.2.1"),
    )
    assert seen["client"] == ["192.0.2.1", None]
    assert seen["fields"] == {"x-forwarded-for": "192.0.2.1"}


@pytest.mark.parametrize(
    "fields",
    [
        [("X-Forwarded-For", ",".join(["127.0.0.1"] * 6000))],
        [("X-Forwarded-For", "127.0.0.1")] * 90,
        [("X-Forwarded-For", ", , ,")],
        [("X-Forwarded-Proto", "gopher"), ("X-Forwarded-Host", "a b/c")],
        [("X-Forwarded-Prefix", "//evil.example"), ("X-Forwarded-Port", "0")],
    ],
)
def test_nonsense_is_no_failure(site: Site, fields: list[tuple[str, str]]) -> None:
    seen = view(site.serve(LOCAL), ("Host", "own.example"), *fields)
    assert seen["client"][0] == "127.0.0.1"
    assert seen["url"] == "http://own.example/"


def test_the_logs_show_the_client(project: Path, start: Starter) -> None:
    server = start("serve", "app", "--bind=127.0.0.1:0", LOCAL, "--access-log=access")
    port = server.wait_for_port()
    get(port, "/", {"X-Forwarded-For": "192.0.2.1"})
    get(port, "/refused", {"X-Forwarded-For": "192.0.2.2", "Content-Length": "9" * 18})
    server.process.terminate()
    assert server.wait() == 0
    lines = (project / "access").read_text().splitlines()
    # A line is written when its response is out: two connections may change places.
    assert {line.split()[0] for line in lines} == {"192.0.2.1", "192.0.2.2"}


@pytest.mark.parametrize("trust", ["127.0.0.0/8", "10.0.0.0/8"])
def test_a_proxy_on_this_machine_gets_no_debug_page(
    project: Path, start: Starter, trust: str
) -> None:
    (project / "broken.py").write_text("def app(environ, start_response): 1 / 0\n")
    server = start(
        "serve", "broken", "--bind=127.0.0.1:0", "--debug", "--trust-proxy", trust
    )
    port = server.wait_for_port()
    assert b"ZeroDivisionError" in get(port).body
    for name in ("X-Forwarded-For", "Forwarded", "X-Forwarded-Proto"):
        assert b"ZeroDivisionError" not in get(port, "/", {name: "192.0.2.1"}).body


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("localhost", "write for example 10.0.0.0/8"),
        ("10.0.0.1/8", "write 10.0.0.0/8 for all of it"),
        ("10.0.0.0/33", "up to 32"),
    ],
)
def test_a_mistake_is_told(start: Starter, value: str, told: str) -> None:
    server = start("serve", "app", "--trust-proxy", value)
    assert server.wait() == 2
    assert told in " ".join(server.said)


def test_the_environment_says_it_too(project: Path, start: Starter) -> None:
    trust = {"NARTHEX_TRUST_PROXY": "10.0.0.0/8, 127.0.0.1"}
    server = start(
        "serve", "app", "--bind=127.0.0.1:0", "--access-log=access", env=trust
    )
    get(server.wait_for_port(), "/", {"X-Forwarded-For": "192.0.2.1, 10.0.0.3"})
    server.process.terminate()
    assert server.wait() == 0
    assert (project / "access").read_text().split()[0] == "192.0.2.1"
