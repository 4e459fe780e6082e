"""What a handler returns is the body of the response."""

from __future__ import annotations

import json

import pytest

from native.site import Site

pytestmark = pytest.mark.api("transaction")


PLAIN = "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("page", "body", "content_type"),
    [
        ("text", "Grüße".encode(), PLAIN),
        ("octets", b"\x00\xff", "application/octet-stream"),
        ("mapping", '{"grüße":[1,null,true]}'.encode(), "application/json"),
        ("sequence", b"[1,2]", "application/json"),
        ("nothing", b"", None),
        ("html", b"<p>", "text/html"),
        ("written_and_returned", b"abcde", PLAIN),
    ],
)
def test_whole_bodies(
    site: Site, page: str, body: bytes, content_type: str | None
) -> None:
    answer = site.ask(f"/{page}")
    assert answer.status == 200
    assert answer.body == body
    assert answer.header("content-type") == content_type


def test_a_generator_decides_about_the_head_until_its_first_piece(site: Site) -> None:
    answer = site.ask("/generated")
    assert (answer.status, answer.reason) == (201, "Created")
    assert answer.header("x-set") == "before the first piece"
    assert answer.header("content-type") == PLAIN
    assert answer.body == b"abc"


def test_an_empty_generator_is_an_empty_body(site: Site) -> None:
    answer = site.ask("/empty_generator")
    assert (answer.status, answer.body) == (204, b"")


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("not_json", "Out of range float values are not JSON compliant"),
        ("number", "None, str, bytes, dict, list or an iterator, not int"),
        ("coroutine", "asynchronous handlers are not supported"),
        ("surrogate", "surrogates not allowed"),
    ],
)
def test_what_is_no_response_is_a_failure(site: Site, page: str, reason: str) -> None:
    answer = site.ask(f"/{page}")
    assert (answer.status, answer.body) == (500, b"Internal Server Error\n")
    site.wait_for_log(reason)


@pytest.mark.excused(fact="may_hide_a_cut")
def test_a_piece_must_be_text_or_bytes(site: Site) -> None:
    site.assert_cut("/wrong_piece", b"right")
    site.wait_for_log("a body iterator takes str or bytes, not int")


def test_an_iterator_is_closed_once(site: Site) -> None:
    name = f"once-{site.backend}"
    assert site.ask(f"/closed?name={name}").body == b"piece"
    site.wait_for_log(f"closed {name}")
    assert site.server.log.count(f"closed {name}") == 1


def test_an_iterator_is_closed_when_there_is_no_body(site: Site) -> None:
    name = f"head-{site.backend}"
    answer = site.ask(f"/closed?name={name}", method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    site.wait_for_log(f"closed {name}")


def test_a_failing_close_is_logged_and_harms_nothing(site: Site) -> None:
    answer = site.ask("/close_fails")
    assert (answer.status, answer.body) == (200, b"ab")
    assert answer.complete
    site.wait_for_log("LookupError: failed while closing")


def test_large_output_comes_whole_every_time(site: Site) -> None:
    expected = b"".join(bytes([65 + n % 26]) * 100_000 for n in range(30))
    for _ in range(3):
        answer = site.ask("/large")
        assert answer.complete
        assert answer.body == expected + b"started"


def test_a_large_piece_behind_a_small_one(site: Site) -> None:
    for _ in range(2):
        assert site.ask("/large_piece").body == b"x" + b"y" * 3_000_000


@pytest.mark.excused(fact="demands_a_length")
def test_head_has_the_fields_of_get(site: Site) -> None:
    got, headed = site.ask("/text"), site.ask("/text", method="HEAD")
    assert headed.body == b""
    assert headed.header("content-type") == got.header("content-type")
    assert json.loads(site.ask("/request", method="POST").text)["method"] == "POST"
