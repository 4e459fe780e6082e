"""What an application does to its response."""

from __future__ import annotations

import json

import pytest

from native.site import Site

pytestmark = [pytest.mark.api("transaction"), pytest.mark.smoke]


@pytest.mark.excused(fact="own_reason_phrase")
def test_status_and_reason(site: Site) -> None:
    answer = site.ask("/status")
    assert answer.status == 418
    assert answer.reason == "Ein kleiner Topf für Tee"
    assert answer.text == "418 Ein kleiner Topf für Tee"


@pytest.mark.excused(fact="joins_response_fields")
def test_fields(site: Site) -> None:
    answer = site.ask("/fields")
    assert json.loads(answer.text) == [
        "1, 2",
        ["1", "2"],
        [
            ["x-a", "2"],
            ["x-b", "1"],
            ["x-b", "2"],
            ["x-c", "1"],
            ["x-latin", "Grüße"],
        ],
        False,
    ]
    assert answer.header("x-a") == "2"
    assert answer.all("x-b") == ["1", "2"]
    assert answer.all("x-gone") == []
    assert answer.header("x-latin") == "Grüße"


def test_redirect(site: Site) -> None:
    answer = site.ask("/redirect")
    assert (answer.status, answer.body) == (303, b"")
    assert answer.header("location") == "/gr%C3%BC%C3%9Fe%20und%20mehr?x=%20"
    assert answer.header("x-kept") == "1"


def test_abort_replaces_what_was_there(site: Site) -> None:
    answer = site.ask("/abort")
    assert (answer.status, answer.body) == (403, b"Forbidden\n")
    assert answer.header("content-type") == "text/plain; charset=utf-8"
    assert answer.all("x-dropped") == []


def test_abort_with_a_text(site: Site) -> None:
    answer = site.ask("/none-such")
    assert (answer.status, answer.body) == (404, b"there is no such page\n")
    answer = site.ask("/raised")
    assert (answer.status, answer.body) == (409, b"in a generator\n")


def test_abort_is_an_exception(site: Site) -> None:
    assert site.ask("/caught").text == "410 gone / 410 Gone: gone"


def test_reset(site: Site) -> None:
    answer = site.ask("/reset")
    assert (answer.status, answer.text) == (200, "200")
    assert answer.all("x-dropped") == []
    assert answer.header("content-type") == "text/plain; charset=utf-8"


def test_nothing_changes_after_the_head(site: Site) -> None:
    for _ in range(3):
        answer = site.ask("/early")
        assert answer.status == 200
        assert answer.text == "ab[False, True]"


def test_what_cannot_be_sent_is_refused_when_it_is_set(site: Site) -> None:
    said = json.loads(site.ask("/refused").text)
    assert said == [
        '"a b" is not a header name',
        '"" is not a header name',
        'a header value has no control characters, "b\\r\\nc: d" has',
        'a header value has no control characters, "b\\nc" has',
        'a header value has no control characters, "b\\0" has',
        '"a\\r\\nb" is not a header name',
        'a header value must be Latin-1, and "€" is not',
        'a header value has no control characters, "a\\r\\nb" has',
        'a reason phrase has no control characters, "a\\nb" has',
        'a reason phrase must be Latin-1, and "€" is not',
        "the status must be from 200 to 999, not 100",
        "the status must be from 200 to 999, not 1000",
        'a URL has no control characters, "/\\r\\nx: y" has',
        "the status of a redirection must be 301, 302, 303, 307 or 308, not 200",
        "the status of an error must be from 400 to 599, not 200",
        *["type"] * 6,
    ]
