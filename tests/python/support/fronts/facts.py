"""What web servers themselves make of requests and responses, before or after us."""

from __future__ import annotations

from typing import NamedTuple


class Fact(NamedTuple):
    """Something that a front does and that a case behind it cannot pass for.

    Attributes:
        sentence: What it does, as a reason to leave a case out.
        fronts: The entries of `BACKENDS` that do it.
        seen: How that was seen.
    """

    sentence: str
    fronts: frozenset[str]
    seen: str


HTTPD_CGI = ["mod-cgi", "mod-cgid"]

FACTS: dict[str, Fact] = {
    "joins_response_fields": Fact(
        "it joins response fields of one name by a comma, Set-Cookie excepted",
        frozenset(HTTPD_CGI),
        "ap_scan_script_header_err_core merges them; X-Foo twice arrives once",
    ),
    "drops_empty_response_fields": Fact(
        "it drops response fields without a value",
        frozenset({"lighttpd-cgi"}),
        "X-Empty from the application does not arrive",
    ),
    "joins_cookies": Fact(
        "it joins repeated Cookie fields by a comma before it passes them on",
        frozenset(HTTPD_CGI),
        "HTTP_COOKIE is `a=1, b=2`",
    ),
    "refuses_above_the_root": Fact(
        "it answers 400 to a path that leads above the root",
        frozenset(HTTPD_CGI),
        "/../../etc/passwd never reaches the application",
    ),
    "ends_programs": Fact(
        "it ends a CGI program by SIGTERM when it wants no more of its response",
        frozenset({*HTTPD_CGI, "lighttpd-cgi"}),
        "strace: kill(SIGTERM) before the socket is closed",
    ),
    "sends_the_body_first": Fact(
        "it reads no response before the program has read the whole body",
        frozenset(HTTPD_CGI),
        "a program that answers while it reads waits for ever once the pipe is full",
    ),
    "demands_a_length": Fact(
        "it answers 411 to a POST that has neither a length nor chunks",
        frozenset({"lighttpd-cgi"}),
        "RFC 9110, 8.6, lets it",
    ),
}
