"""Nothing is served but the files of the directory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from . import site as sites
from .site import CSS, SECRET, Asked

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = [
    "/static/../secret.txt",
    "/static/%2e%2e/secret.txt",
    "/static/%2E./secret.txt",
    "/static/..%2fsecret.txt",
    "/static/..%2Fsecret.txt",
    "/static/%2e%2e%2fsecret.txt",
    "/static/docs/../../secret.txt",
    "/static/docs/..%2f..%2fsecret.txt",
    "/static/..%5csecret.txt",
    "/static/..\\secret.txt",
    "/static/docs\\..\\..\\secret.txt",
    "/static/%252e%252e/secret.txt",
    "/static/%252e%252e%252fsecret.txt",
    "/static/%c0%ae%c0%ae/secret.txt",
    "/static/%c0%ae%c0%ae%c0%afsecret.txt",
    "/static/..%c0%afsecret.txt",
    "/static/%e0%80%ae%e0%80%ae/secret.txt",
    "/static/%uff0e%uff0e/secret.txt",
    "/static/..;/secret.txt",
    "/static/.../secret.txt",
    "/static//secret.txt",
    "/static//etc/passwd",
    "/static/%2fetc/passwd",
    "/static/%2f%2fetc/passwd",
    "/static//..//secret.txt",
    "/static/./../secret.txt",
    "/static/link-out.txt",
    "/static/link-up/secret.txt",
    "/static/link-up/public/.env",
    "/static/link-absolute-out/passwd",
    "/static/link-loop",
    "/static/link-device",
    "/static/.env",
    "/static/%2eenv",
    "/static/.git/config",
    "/static/%2egit/config",
    "/static/docs/../.git/config",
    "/static/.well-known/token",
    "/static/fifo",
    "/static/socket",
    "/static/bare",
    "/static/bare/",
    "/static/none",
    "/static/app.css/",
    "/static/app.css/x",
    "/static/APP.CSS",
    "/static/app.css%20",
    "/static/app.css.",
    "/static//app.css",
    "/static/docs//index.html",
    "/static/back%5cslash.css",
    "/static/" + "n" * 300,
    "/static/" + "d/" * 3000,
    "/static/" + "%2e%2e%2f" * 20 + "etc/passwd",
    "/static../secret.txt",
    "/staticsecret.txt",
    "//static/../secret.txt",
]


@pytest.mark.parametrize("target", HOSTILE)
def test_what_is_not_meant_to_be_seen_is_not(site: Asked, target: str) -> None:
    response = site.get(target)
    assert SECRET not in response.body
    assert b"root:" not in response.body
    # Outside the route it is the application's path, dot segments removed.
    ours = response.status == 404
    applications = response.status == 200 and response.body.startswith(b"app:/")
    assert ours or applications, (response.status, response.body[:80])


@pytest.mark.parametrize("target", HOSTILE)
def test_nor_where_all_paths_are_files(root: Asked, target: str) -> None:
    response = root.get(target.replace("/static", "", 1) or "/")
    assert SECRET not in response.body
    assert b"root:" not in response.body
    if response.status != 400:  # a target has to begin with a slash
        assert response.status == 200, response.status
        known = (CSS, sites.INDEX, b"app:")
        assert response.body.startswith(known), response.body[:80]


@pytest.mark.parametrize(
    "target",
    ["/static/app.css%00", "/static/%00", "/static/app.css%00.html", "/static/.%00./x"],
)
def test_a_nul_is_refused(site: Asked, target: str) -> None:
    assert site.get(target).status == 400


@pytest.mark.parametrize(
    "target",
    [
        "/static/app.css",
        "/static/%61pp.css",
        "/st%61tic/app.css",
        "/static/docs/../app.css",
        "/static/./app.css",
        "/other/../static/app.css",
        "/static/docs/%2e%2e/app.css",
        "/static/link-in.css",
        "/static/link-absolute-in.css",
        "/static/a..b.css",
        "/static/a%20b/%C3%BC.txt",
        "/static/%ff.css",
        "/static/percent%2541.css",
        "/static/no-extension",
        "/static/" + "n" * 251 + ".css",
    ],
)
def test_every_file_inside_can_be_had(site: Asked, target: str) -> None:
    response = site.get(target)
    assert (response.status, response.body) == (200, CSS)


def test_well_known_is_there_to_be_seen(root: Asked) -> None:
    assert root.get("/.well-known/token").body == CSS
    assert root.get("/.env").body == b"app:/.env"


@pytest.mark.parametrize(
    "target",
    [
        "//docs",
        "///docs",
        "//evil.example/..",
        "/%2fdocs",
        "//docs/..//docs",
        "/\\docs",
    ],
)
def test_no_redirect_leads_to_another_host(root: Asked, target: str) -> None:
    response = root.get(target)
    location = sites.value(response, "location")
    assert location is None or not location.startswith(("//", "/\\", "http"))


def test_an_unreadable_file_is_not_found(folder: Path) -> None:
    # Root reads everything; without its capabilities it is a user like others.
    as_user = [
        "setpriv",
        "--inh-caps=-all",
        "--bounding-set=-all",
        "--ambient-caps=-all",
    ]
    public = folder / "public"
    hidden = public / "hidden.css"
    hidden.write_bytes(CSS)
    hidden.chmod(0)
    before = as_user if os.geteuid() == 0 else []
    asked = sites.serve(folder, "--static=/static=public", before=before)
    try:
        assert asked.get("/static/hidden.css").status == 404
        assert asked.get("/static/app.css").status == 200
        asked.server.wait_for(r"debug: hidden\.css in .* is not served")
    finally:
        asked.server.close()
