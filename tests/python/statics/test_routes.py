"""Which paths are files, and which are the application's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.messages import Request

from . import site as sites
from .site import CSS, INDEX, Asked, value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def mounted(folder: Path) -> Iterator[Asked]:
    """Files below the application's own mount, asked for before the application."""
    asked = sites.serve(
        folder, "--mount=/shop", "--static=/static=public", "--static-fallthrough"
    )
    yield asked
    asked.server.close()


@pytest.mark.parametrize(
    "path", ["/", "/other", "/static2/app.css", "/sta", "/Static/app.css", "/app.css"]
)
def test_other_paths_are_the_applications(site: Asked, path: str) -> None:
    assert site.get(path).body == b"app:" + path.encode()
    assert site.get(path, method="POST").body == b"app:" + path.encode()


def test_the_longest_route_wins(site: Asked) -> None:
    assert site.get("/static/docs/deep/index.html").body == INDEX
    assert value(site.get("/static/docs/deep/"), "cache-control") is None
    assert site.get("/static/docs/deep/app.css").status == 404


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/static/docs", "/static/docs/"),
        ("/static/docs?a=1&b=%20?", "/static/docs/?a=1&b=%20?"),
        ("/st%61tic/d%6fcs", "/static/docs/"),
        ("/static/docs/deep", "/static/docs/deep/"),
    ],
)
def test_a_directory_ends_with_a_slash(site: Asked, target: str, location: str) -> None:
    for method in ("GET", "HEAD"):
        response = site.get(target, method=method)
        assert (response.status, value(response, "location")) == (308, location)
    assert site.get(location).body == INDEX


def test_a_directory_without_an_index_is_not_listed(site: Asked) -> None:
    for target in ("/static", "/static/", "/static/bare", "/static/bare/"):
        assert site.get(target).status == 404


def test_where_all_paths_may_be_files_the_rest_is_the_applications(root: Asked) -> None:
    assert root.get("/app.css").body == CSS
    assert root.get("/docs/").body == INDEX
    assert value(root.get("/docs"), "location") == "/docs/"
    for path in ("/", "/none", "/docs/none", "/bare/", "/app.css/"):
        assert root.get(path).body == b"app:" + path.encode()
    assert root.get("/app.css", method="POST").body == b"app:/app.css"
    assert root.get("*", method="OPTIONS").body == b"app:"


def test_routes_are_below_the_mount(mounted: Asked) -> None:
    assert mounted.get("/shop/static/app.css").body == CSS
    location = value(mounted.get("/shop/static/docs?x=1"), "location")
    assert location == "/shop/static/docs/?x=1"
    # A proxy may have taken the mount away; the client's URL has it.
    assert mounted.get("/static/app.css").body == CSS
    assert value(mounted.get("/static/docs"), "location") == "/shop/static/docs/"


def test_what_is_missing_may_be_left_to_the_application(mounted: Asked) -> None:
    assert mounted.get("/shop/static/none.css").body == b"app:/static/none.css"
    posted = mounted.get("/shop/static/app.css", method="POST")
    assert posted.body == b"app:/static/app.css"
    body = Request("POST", "/shop/static/app.css", body=b"x" * 200_000)
    with mounted.connect() as connection:
        assert connection.request(body).body == b"app:/static/app.css"
