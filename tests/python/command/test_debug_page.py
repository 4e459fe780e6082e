"""The page that a developer sees."""

from __future__ import annotations

import html
import re
from pathlib import Path

from narthex import _debug


class Hostile(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def fail() -> None:
    try:
        raise KeyError("<key>")
    except KeyError as error:
        raise ValueError("<script>alert(1)</script>") from error


def page_of(error: BaseException, request: dict[str, str] | None = None) -> str:
    try:
        raise error
    except BaseException as raised:
        return _debug.page(raised, request or {}, "hyper").decode()


def test_frames_source_request_and_backend() -> None:
    try:
        fail()
    except ValueError as error:
        page = _debug.page(
            error, {"target": "/<x>?y", "method": "GET"}, "hyper"
        ).decode()
    assert "<h1>ValueError: &lt;script&gt;alert(1)&lt;/script&gt;</h1>" in page
    assert "Caused by KeyError: " in page
    assert "<code>fail</code>" in page
    assert f"{html.escape(str(Path(__file__)))}:" in page
    assert (
        html.escape('raise ValueError("<script>alert(1)</script>") from error') in page
    )
    assert "/&lt;x&gt;?y" in page
    assert "<code>hyper</code>" in page


def test_nothing_is_executed_or_loaded() -> None:
    page = page_of(ValueError("'\"><img src=x onerror=alert(1)>"))
    assert "<script" not in page
    assert "<img" not in page
    assert not re.search(r"""(src|href)\s*=\s*["']""", page)
    assert "default-src 'none'" in page


def test_an_exception_without_text() -> None:
    assert "Hostile: &lt;its text cannot be had&gt;" in page_of(Hostile())


def test_text_that_is_no_unicode() -> None:
    assert "\\udcff" in page_of(ValueError("\udcff"))


def test_a_deep_recursion_is_cut() -> None:
    def deep() -> None:
        deep()

    try:
        deep()
    except RecursionError as error:
        page = _debug.page(error, {}, "cgi").decode()
    assert page.count("<details") <= _debug.MOST_FRAMES + 1
    assert "more frames" in page
    assert len(page) < 500_000


def test_a_ring_of_causes_ends() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    page = page_of(first)
    assert page.count("Caused by ValueError: second") == 1
