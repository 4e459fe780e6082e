"""Below a path: whether the proxy takes it off or not."""

from __future__ import annotations

import pytest

from proxy.conftest import Site, view

HOST = ("Host", "app.example")


@pytest.mark.parametrize(
    ("target", "mount", "path", "url"),
    [
        ("/app/x", "/app", "/x", "/app/x"),
        ("/x", "/app", "/x", "/app/x"),
        ("/app", "/app", "", "/app"),
        ("/", "/app", "/", "/app/"),
        ("/apple", "/app", "/apple", "/app/apple"),
    ],
)
def test_a_mount(site: Site, target: str, mount: str, path: str, url: str) -> None:
    seen = view(site.serve(mount="/app"), HOST, target=target)
    assert (seen["mount"], seen["path"]) == (mount, path)
    assert seen["url"] == "http://app.example" + url


@pytest.mark.parametrize("name", ["--mount", "--root-path"])
def test_a_prefix_stands_before_the_mount(site: Site, name: str) -> None:
    server = site.serve("--trust-proxy=127.0.0.1", f"{name}=/app")
    prefix = ("X-Forwarded-Prefix", "/outer%20part/")
    for target, path in [("/app/x", "/x"), ("/x", "/x"), ("/outer", "/outer")]:
        seen = view(server, HOST, prefix, target=target)
        assert (seen["mount"], seen["path"]) == ("/outer part/app", path)
        assert seen["url"] == "http://app.example/outer%20part/app" + path
