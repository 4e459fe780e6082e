"""What a transaction says of its request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from native.site import Site

pytestmark = [pytest.mark.api("transaction"), pytest.mark.smoke]


def asked(site: Site, *arguments: Any, **keywords: Any) -> Any:
    answer = site.ask(*arguments, **keywords)
    assert answer.status == 200, answer
    return json.loads(answer.text)


def test_the_line_and_the_connection(site: Site) -> None:
    seen = asked(site, "/request/%C3%A4%2Fb//c?x=%20")
    assert seen["method"] == "GET"
    assert seen["path_info"] == seen["path"] == ascii("/request/ä/b//c")
    assert seen["mount"] == ""
    assert seen["raw_path"] == "/request/%C3%A4%2Fb//c"
    assert seen["url"].startswith("http://127.0.0.1")
    assert seen["url"].endswith("/request/%C3%A4%2Fb//c?x=%20")
    assert seen["scheme"] == "http"
    assert seen["client"][0] == "127.0.0.1"
    assert isinstance(seen["client"][1], int)
    assert seen["server"][0] == "127.0.0.1"
    assert seen["http_version"] == "1.1"


@pytest.mark.excused(fact="replaces_control_bytes")
def test_any_byte_of_a_path_survives(site: Site) -> None:
    seen = asked(site, "/request/%FF%01%e4")
    assert seen["path"] == ascii("/request/\udcff\x01\udce4")


def test_the_environment(site: Site) -> None:
    seen = asked(site, "/request")
    assert seen["backend"] == site.protocol
    once = site.protocol in ("cgi", "cgi-fork")
    assert ("run_once" in seen["capabilities"]) == once
    embedded = site.protocol in ("hyper", "tiny-http", "apache")
    assert seen["gateway"] == (not embedded and "GET")


def test_the_query(site: Site) -> None:
    seen = asked(site, "/query?x=1&y=a+b%2B&x=%C3%A4&&bad=%ff&flag&=v&e=%zz")
    assert seen["items"] == [
        ["x", "1"],
        ["y", "a b+"],
        ["x", "ä"],
        ["bad", "\ufffd"],
        ["flag", ""],
        ["", "v"],
        ["e", "%zz"],
    ]
    assert seen["names"] == seen["keys"] == ["x", "y", "bad", "flag", "", "e"]
    assert seen["values"] == ["1", "a b+", "ä", "\ufffd", "", "v", "%zz"]
    assert seen["length"] == 6
    assert seen["first"] == "1"
    assert seen["all"] == ["1", "ä"]
    assert seen["none"] is None
    assert seen["default"] == "default"
    assert seen["contains"] == [True, False, False]
    assert seen["raw"] == "x=1&y=a+b%2B&x=%C3%A4&&bad=%ff&flag&=v&e=%zz"
    assert seen["same"] is True
    assert seen["dict"]["x"] == "1"


def test_the_header_fields(site: Site) -> None:
    sent = [
        ("X-Twice", "1"),
        ("X-twice", "2, 3"),
        ("Cookie", "a=b; c=d"),
    ]
    seen = asked(site, "/headers", headers=sent)
    assert seen["joined"] == "1, 2, 3"
    assert seen["cookie"] == "a=b; c=d"
    assert seen["none"] is None
    assert seen["default"] == 7
    assert seen["contains"] == [True, False, False]
    assert seen["length"] is True
    assert seen["names"] == ["x-twice"]
    one_by_one = "repeated_fields" in site.server.served.capabilities
    assert seen["all"] == (["1", "2, 3"] if one_by_one else ["1, 2, 3"])
    assert len(seen["items"]) == (2 if one_by_one else 1)


@pytest.mark.excused(has="lenient_parser", because="it closes on any byte not ASCII")
def test_header_fields_are_latin_1(site: Site) -> None:
    seen = asked(site, "/headers", headers=[("X-Latin", "Grüße")])
    assert seen["latin"] == seen["raw"] == "Grüße"


def test_what_is_not_there_is_a_key_error(site: Site) -> None:
    assert asked(site, "/missing") == []


def test_a_body_is_read_as_a_file_is(site: Site) -> None:
    sent = b"first\nsecond\nthird\nfourth"
    seen = asked(site, "/body", method="POST", body=sent)
    assert seen == {
        "line": "first\n",
        "part": "sec",
        "three": "ond",
        "none": "",
        "two": "\nt",
        "pieces": "hird\nfourth",
        "end": ["", "", []],
    }


def test_there_may_be_no_body(site: Site) -> None:
    assert asked(site, "/body")["pieces"] == ""
    assert site.ask("/length").body == b"0"


def test_a_large_body_is_read_whole(site: Site) -> None:
    sent = bytes(range(256)) * 8192
    assert site.ask("/length", method="POST", body=sent).body == b"2097152"


@pytest.mark.excused(lacks="duplex", because="it cannot read once it writes")
@pytest.mark.excused(fact="forgets_a_blocked_body")
@pytest.mark.excused(fact="sends_the_body_first")
def test_a_body_can_be_echoed_while_it_arrives(site: Site) -> None:
    sent = bytes(range(256)) * 8192
    answer = site.ask("/echo", method="POST", body=sent)
    assert answer.complete
    assert answer.body == sent


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        (None, "Grüße", "Grüße"),
        ("text/plain; Charset=ISO-8859-1", "Grüße", "Grüße"),
        ('text/plain; a=b; charset="utf-16"', "Grüße", "Grüße"),
    ],
)
def test_a_body_as_text(
    site: Site, content_type: str | None, body: str, expected: str
) -> None:
    charset = "utf-8"
    headers = []
    if content_type:
        charset = content_type.lower().rpartition("charset=")[2].strip('"')
        headers = [("Content-Type", content_type)]
    answer = site.ask("/body_text", "POST", headers, body.encode(charset))
    assert answer.text == expected


@pytest.mark.parametrize(
    ("page", "headers", "body"),
    [
        ("body_text", [], b"\xff"),
        ("body_text", [("Content-Type", "text/plain; charset=none-such")], b"x"),
        ("body_json", [], b"{"),
        ("body_json", [], b"\xff"),
        ("body_json", [], b"[" * 60_000),
    ],
)
def test_what_the_client_got_wrong_is_a_bad_request(
    site: Site, page: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    answer = site.ask(f"/{page}", "POST", headers, body)
    assert (answer.status, answer.body) == (400, b"Bad Request\n")


def test_a_body_as_json(site: Site) -> None:
    sent = {"grüße": [1.5, None]}
    body = json.dumps(sent).encode()
    assert asked(site, "/body_json", method="POST", body=body) == [sent]


@pytest.mark.excused(has="run_once", because="nothing can be kept")
@pytest.mark.excused(fact="several_processes")
def test_a_transaction_that_was_kept_only_remembers(site: Site) -> None:
    assert site.ask("/keep", headers=[("X-Name", "one")]).body == b"/keep"
    assert asked(site, "/kept") == ["/keep", "one", "GET"]
