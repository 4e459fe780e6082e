"""Fields, conditions, ranges and compressed neighbours, as RFC 9110 has them."""

from __future__ import annotations

import subprocess
from email.utils import formatdate

import pytest

from support.messages import Request, Response

from .site import CSS, ENCODED, INDEX, LARGE, LONG, SCRIPT, Asked, value

MODIFIED = formatdate(LONG, usegmt=True)
BEFORE = formatdate(LONG - 1, usegmt=True)
AFTER = formatdate(LONG + 1, usegmt=True)
EVERYTHING = ("Accept-Encoding", "gzip, deflate, br, zstd")


def test_a_file_and_what_is_said_of_it(site: Asked) -> None:
    response = site.get("/static/app.css")
    fields = {
        name: site_value for name, site_value in response.headers if name != "date"
    }
    etag = fields.pop("etag")
    assert etag.startswith('"')
    assert etag.endswith('"')
    fields.pop("link")
    assert response.all("link") == ["</a>; rel=a", "</b>; rel=b"]
    assert fields == {
        "content-type": "text/css; charset=utf-8",
        "content-length": str(len(CSS)),
        "accept-ranges": "bytes",
        "last-modified": MODIFIED,
        "vary": "accept-encoding",
        "x-content-type-options": "nosniff",
        "cache-control": "max-age=3600",
        "x-frame-options": "DENY",
    }


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("app.js", "text/javascript; charset=utf-8"),
        ("UPPER.CSS", "text/css; charset=utf-8"),
        ("empty.txt", "text/plain; charset=utf-8"),
        ("no-extension", "application/octet-stream"),
        ("archive.tar.gz", "application/gzip"),
        ("large.bin", "application/octet-stream"),
        ("docs/", "text/html; charset=utf-8"),
    ],
)
def test_the_type_goes_by_the_name(site: Asked, name: str, kind: str) -> None:
    assert value(site.get(f"/static/{name}"), "content-type") == kind


def timeless(response: Response) -> list[tuple[str, str]]:
    """The fields of a response, sorted, without its date."""
    return sorted(field for field in response.headers if field[0] != "date")


@pytest.mark.parametrize(
    "name", ["app.css", "app.js", "large.bin", "empty.txt", "docs/"]
)
def test_head_says_what_get_would(site: Asked, name: str) -> None:
    for _ in range(2):  # the second time from memory
        whole = site.get(f"/static/{name}", EVERYTHING)
        head = site.get(f"/static/{name}", EVERYTHING, method="HEAD")
        assert head.status == 200
        assert head.body == b""
        assert timeless(head) == timeless(whole)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get"])
def test_files_are_only_read(site: Asked, method: str) -> None:
    response = site.get("/static/app.css", method=method)
    assert (response.status, value(response, "allow")) == (405, "GET, HEAD")


def test_a_body_that_is_not_wanted_does_no_harm(site: Asked) -> None:
    body = Request("POST", "/static/app.css", body=b"x" * 300_000)
    with site.connect() as connection:
        assert connection.request(body).status == 405
    with site.connect() as connection:
        asking = (("Expect", "100-continue"), ("Content-Length", "5"))
        connection.send(Request("PUT", "/static/app.css", asking))
        assert connection.receive().status == 405


def test_conditions(site: Asked) -> None:
    etag = value(site.get("/static/app.css"), "etag") or ""
    cases: list[tuple[int, tuple[tuple[str, str], ...]]] = [
        (304, (("If-None-Match", etag),)),
        (304, (("If-None-Match", f"W/{etag}"),)),
        (304, (("If-None-Match", f'"x", {etag}'),)),
        (304, (("If-None-Match", "*"),)),
        (200, (("If-None-Match", '"x"'),)),
        (200, (("If-None-Match", '"x"'), ("If-Modified-Since", AFTER))),
        (304, (("If-Modified-Since", MODIFIED),)),
        (304, (("If-Modified-Since", AFTER),)),
        (200, (("If-Modified-Since", BEFORE),)),
        (200, (("If-Modified-Since", "tomorrow"),)),
        (200, (("If-Match", etag),)),
        (200, (("If-Match", "*"),)),
        (412, (("If-Match", f"W/{etag}"),)),
        (412, (("If-Match", '"x"'),)),
        (412, (("If-Unmodified-Since", BEFORE),)),
        (200, (("If-Unmodified-Since", MODIFIED),)),
        (200, (("If-Match", etag), ("If-Unmodified-Since", BEFORE))),
        (412, (("If-Match", '"x"'), ("If-None-Match", etag))),
    ]
    for status, headers in cases:
        for method in ("GET", "HEAD"):
            response = site.get("/static/app.css", *headers, method=method)
            assert response.status == status, (method, headers)
            assert response.body == (
                CSS if (status, method) == (200, "GET") else b""
            ) or (status == 412)


def test_a_304_has_the_fields_of_its_200(site: Asked) -> None:
    whole = site.get("/static/app.css")
    etag = value(whole, "etag") or ""
    response = site.get("/static/app.css", ("If-None-Match", etag))
    assert response.status == 304
    names = {name for name, _ in response.headers}
    kept = ("etag", "last-modified", "vary", "cache-control", "x-frame-options", "link")
    assert names == {*kept, "date"}
    assert all(response.all(name) == whole.all(name) for name in kept)


@pytest.mark.parametrize("name", ["large.bin", "app.css"])
@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=3-9", 3, 9),
        ("bytes=5-", 5, None),
        ("bytes=-7", -7, None),
        ("bytes=2-999999999", 2, None),
        ("bytes=-999999999", 0, None),
        ("bytes=0-99999999999999999999999999", 0, None),
    ],
)
def test_a_part(
    site: Asked, name: str, wanted: str, first: int, last: int | None
) -> None:
    whole = {"large.bin": LARGE, "app.css": CSS}[name]
    first %= len(whole)
    last = len(whole) - 1 if last is None else last
    response = site.get(f"/static/{name}", ("Range", wanted))
    assert response.status == 206
    assert response.body == whole[first : last + 1]
    assert value(response, "content-range") == f"bytes {first}-{last}/{len(whole)}"
    assert value(response, "content-length") == str(last + 1 - first)
    assert value(response, "etag") == value(site.get(f"/static/{name}"), "etag")


@pytest.mark.parametrize(
    "wanted",
    [
        "bytes=0-1,3-4",
        "bytes=5-2",
        "lines=0-1",
        "bytes",
        "bytes=x-y",
        "bytes=",
        "bytes=-",
    ],
)
def test_what_is_no_range_of_ours_is_ignored(site: Asked, wanted: str) -> None:
    response = site.get("/static/app.css", ("Range", wanted))
    assert (response.status, response.body) == (200, CSS)


@pytest.mark.parametrize("wanted", ["bytes=9999-", "bytes=-0", "bytes=9999-99999"])
def test_a_range_of_nothing(site: Asked, wanted: str) -> None:
    response = site.get("/static/app.css", ("Range", wanted))
    assert response.status == 416
    assert value(response, "content-range") == f"bytes */{len(CSS)}"


def test_an_empty_file_has_no_part(site: Asked) -> None:
    assert site.get("/static/empty.txt", ("Range", "bytes=0-")).status == 416
    whole = site.get("/static/empty.txt")
    assert (whole.status, whole.body, value(whole, "content-length")) == (200, b"", "0")


def test_head_has_no_parts(site: Asked) -> None:
    response = site.get("/static/app.css", ("Range", "bytes=0-1"), method="HEAD")
    assert (response.status, value(response, "content-length")) == (200, str(len(CSS)))


def test_a_part_of_what_the_client_has(site: Asked) -> None:
    etag = value(site.get("/static/app.css"), "etag") or ""
    part = ("Range", "bytes=0-3")
    for condition in (etag, MODIFIED):
        response = site.get("/static/app.css", part, ("If-Range", condition))
        assert (response.status, response.body) == (206, CSS[:4]), condition
    for condition in (f"W/{etag}", '"x"', BEFORE, AFTER, "x"):
        response = site.get("/static/app.css", part, ("If-Range", condition))
        assert (response.status, response.body) == (200, CSS), condition


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("br", "br"),
        ("zstd", "zstd"),
        ("gzip, br", "br"),
        ("gzip;q=1, zstd;q=0.1", "zstd"),
        ("gzip, br;q=0", "gzip"),
        ("*", "br"),
        ("GZIP", "gzip"),
        ("identity", None),
        ("gzip;q=0", None),
        ("deflate", None),
        ("", None),
    ],
)
def test_compressed_neighbours(site: Asked, accepted: str, coding: str | None) -> None:
    for _ in range(2):
        response = site.get("/static/app.js", ("Accept-Encoding", accepted))
        assert response.body == (ENCODED[coding] if coding else SCRIPT)
        assert value(response, "content-encoding") == coding
        assert value(response, "content-type") == "text/javascript; charset=utf-8"
        assert value(response, "vary") == "accept-encoding"


def test_each_representation_has_its_own_tag(site: Asked) -> None:
    tags = {
        value(site.get("/static/app.js", ("Accept-Encoding", coding)), "etag")
        for coding in (*ENCODED, "identity")
    }
    assert len(tags) == 4
    gzip = ("Accept-Encoding", "gzip")
    plain = value(site.get("/static/app.js"), "etag") or ""
    assert site.get("/static/app.js", gzip, ("If-None-Match", plain)).status == 200
    part = site.get("/static/app.js", gzip, ("Range", "bytes=0-1"))
    assert (part.status, part.body) == (206, ENCODED["gzip"][:2])


def test_a_neighbour_that_an_edit_left_behind_is_ignored(site: Asked) -> None:
    response = site.get("/static/stale.js", EVERYTHING)
    assert (response.body, value(response, "content-encoding")) == (SCRIPT, None)


def test_a_neighbour_can_be_asked_for_as_it_is(site: Asked) -> None:
    response = site.get("/static/app.js.gz", EVERYTHING)
    assert response.body == ENCODED["gzip"]
    assert value(response, "content-encoding") is None
    assert value(response, "content-type") == "application/gzip"


def test_a_large_neighbour(site: Asked) -> None:
    response = site.get("/static/large.js", EVERYTHING)
    assert (response.status, value(response, "content-encoding")) == (200, "gzip")
    assert response.body == LARGE[::-1]


def test_many_requests_on_one_connection(site: Asked) -> None:
    names = {"app.css": CSS, "large.bin": LARGE, "empty.txt": b"", "docs/": INDEX}
    with site.connect() as connection:
        for name in [*names, *names]:
            connection.send_raw(
                f"GET /static/{name} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
            )
        for content in [*names.values(), *names.values()]:
            response = connection.receive()
            assert (response.status, response.body) == (200, content)


def test_an_old_client_gets_its_file(site: Asked) -> None:
    with site.connect() as connection:
        connection.send_raw(b"GET /static/large.bin HTTP/1.0\r\n\r\n")
        response = connection.receive()
        assert (response.status, response.body, response.complete) == (200, LARGE, True)


def test_http2(site: Asked) -> None:
    base = f"http://127.0.0.1:{site.port}/static"
    for target, content in (("large.bin", LARGE), ("app.css", CSS)):
        got = subprocess.run(
            ["nghttp", "--timeout=20s", f"{base}/{target}"],
            capture_output=True,
            check=True,
        )
        assert got.stdout == content
    part = [
        "nghttp",
        "-v",
        "-n",
        "-H",
        "range: bytes=5-9",
        f"{base}/app.css",
    ]
    said = subprocess.run(part, capture_output=True, check=True).stdout
    assert b":status: 206" in said
    assert b"content-range: bytes 5-9/" in said
    # Many at once on one connection, larger than its window.
    many = ["h2load", "-n", "64", "-c", "1", "-m", "16", f"{base}/large.bin"]
    counted = subprocess.run(many, capture_output=True, check=True).stdout
    assert b"64 succeeded, 0 failed" in counted
