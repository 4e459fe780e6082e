"""The bench's own FastCGI client writes what the specification's examples show."""

from __future__ import annotations

from bench import fastcgi, instructions
from bench.client import BROWSER_HEADERS


def test_a_request_is_four_records() -> None:
    assert (
        fastcgi.request({"A": "bc"})
        == (
            b"\1\1\0\1\0\x08\0\0" + b"\0\1\1\0\0\0\0\0"  # begin: responder, keep
            b"\1\4\0\1\0\5\3\0" + b"\1\2Abc" + b"\0\0\0"  # parameters, padded
            b"\1\4\0\1\0\0\0\0"  # their end
            b"\1\5\0\1\0\0\0\0"  # no body
        )
    )


def test_a_long_value_has_a_length_of_four_bytes() -> None:
    assert fastcgi.pair("A", "b" * 127)[:3] == b"\1\x7fA"
    assert fastcgi.pair("A", "b" * 300)[:6] == b"\1\x80\0\1\x2cA"


def test_the_requests_of_a_case() -> None:
    """Those through a gateway come from as many ports, and are as long."""
    cases = {case.name: case for case in instructions.CASES}
    through = cases["fastcgi"].requests()
    assert len(set(through)) == 32
    assert len({len(request) for request in through}) == 1
    (batch,) = cases["pipelined"].requests()
    assert batch.count(b"GET / HTTP/1.1\r\n") == 16
    (browser,) = cases["browser"].requests()
    assert all(name.encode() in browser for name, _ in BROWSER_HEADERS)
