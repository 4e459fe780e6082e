"""What only the backend has of a request."""

from __future__ import annotations

import json

import pytest

from native.site import APPLICATIONS, Site

pytestmark = [pytest.mark.api("transaction"), pytest.mark.smoke]

USED = ("notes", "user", "server", "request", "lookup")


def test_what_is_there_is_used_and_what_is_not_says_so(site: Site) -> None:
    mark = site.server.log.mark()
    seen = json.loads(site.ask("/native").text)
    assert seen["name"] == site.protocol
    assert seen["user"] is seen["auth_type"] is seen["tls"] is None
    used = {name: seen[f"{name}_used"] for name in USED}
    if site.protocol == "apache":
        assert used["notes"] == "a note"
        assert used["user"] == "alice"
        assert used["server"] in ("event", "worker", "prefork")
        assert used["request"] == "/native"
        assert used["lookup"] in (200, 404)
    else:
        for name, said in used.items():
            assert said.startswith(f"{name} {site.protocol} native.{name} is httpd's: ")
    site.wait_for_log("said so by the application", mark)


def test_a_file_is_the_body(site: Site) -> None:
    file = (APPLICATIONS / "everything.py").read_bytes()
    for _ in range(2):
        answer = site.ask("/native_file")
        assert answer.body == file
        assert answer.complete


def test_another_path_answers_inside_httpd(site: Site) -> None:
    for _ in range(2):
        said = site.ask("/native_redirect").text
        if site.protocol == "apache":
            assert said == "GET /native_target 1"
        else:
            assert said.startswith("native.redirect is httpd's: ")
