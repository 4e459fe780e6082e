"""What web servers themselves make of requests and responses, before or after us."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection


class Fact(NamedTuple):
    """Something that a front does and that a case behind it cannot pass for.

    Attributes:
        sentence: What it does, as a reason to leave a case out.
        fronts: The entries of `BACKENDS` that do it.
        seen: How that was seen.
        always: Whether a case that it excuses fails each time.
    """

    sentence: str
    fronts: frozenset[str]
    seen: str
    always: bool


_DIRECT = {"fastcgi", "scgi", "uwsgi", "cgi-fcgi"}
_HTTPD_CGI = {"mod-cgi", "mod-cgid"}
_HTTPD = {
    *_HTTPD_CGI,
    "mod-fcgid",
    "mod-proxy-fcgi",
    "mod-proxy-scgi",
    "mod-proxy-uwsgi",
}
_INLINE = {
    "apache-event-inline",
    "apache-prefork-inline",
    "apache-worker-inline",
}
_APACHE = {
    *_INLINE,
    "apache-event-group",
    "apache-prefork-group",
    "apache-worker-group",
}
_LIGHTTPD = {
    "lighttpd-bin-path",
    "lighttpd-cgi",
    "lighttpd-fastcgi",
    "lighttpd-scgi",
}
_NGINX = {"nginx-fastcgi", "nginx-scgi", "nginx-uwsgi"}


def _fact(
    sentence: str, fronts: Collection[str], seen: str, *, always: bool = True
) -> Fact:
    return Fact(sentence, frozenset(fronts), seen, always)


FACTS: dict[str, Fact] = {
    "no_http_connection": _fact(
        "the suite itself is its client, by a connection for each request",
        _DIRECT,
        "there is no HTTP between the two",
    ),
    "joins_response_fields": _fact(
        "it joins response fields of one name by a comma, Set-Cookie excepted",
        _HTTPD - {"mod-proxy-uwsgi"},
        "X-Foo twice arrives once, as `foo, bar, baz`",
    ),
    "drops_empty_response_fields": _fact(
        "it drops response fields without a value",
        _LIGHTTPD,
        "X-Empty of the application does not arrive",
    ),
    "drops_empty_request_fields": _fact(
        "it drops request fields without a value",
        _LIGHTTPD,
        "X-Empty of the client makes no variable",
    ),
    "joins_cookies": _fact(
        "it joins repeated Cookie fields by a comma before it passes them on",
        {*_HTTPD, *_APACHE},
        "HTTP_COOKIE is `a=1, b=2`",
    ),
    "refuses_above_the_root": _fact(
        "it answers 400 to a path that leads above the root",
        {*_HTTPD, *_APACHE, *_NGINX},
        "/../../etc/passwd never reaches the application",
    ),
    "knows_methods": _fact(
        "it refuses a method that it does not know, or that has small letters",
        {*_NGINX, *_LIGHTTPD},
        "400 or 501 to x-Y, although methods are any tokens (RFC 9110, 9.1)",
    ),
    "refuses_unknown_methods": _fact(
        "it answers 501 to a method that it does not know",
        _LIGHTTPD,
        "FROBNICATE never reaches the application",
    ),
    "demands_a_length": _fact(
        "it answers 411 to a POST that has neither a length nor chunks",
        _LIGHTTPD,
        "RFC 9110, 8.6, lets it",
    ),
    "measures_what_has_no_body": _fact(
        "it adds Content-Length: 0 to a 304",
        {"haproxy-fcgi"},
        "RFC 9110, 8.6, has it only where it is the length that a 200 would have",
    ),
    "answers_for_the_server": _fact(
        "it answers OPTIONS * itself, or refuses it",
        {*_HTTPD, *_APACHE, *_LIGHTTPD, *_NGINX, "haproxy-fcgi"},
        "the request never reaches the application",
    ),
    "own_reason_phrase": _fact(
        "it puts the reason phrase that it knows for the status, or none",
        _LIGHTTPD,
        "`Status: 299 All right` arrives as `299 `",
    ),
    "invents_a_length": _fact(
        "it gives a request without a body a CONTENT_LENGTH of 0",
        {
            *_LIGHTTPD,
            *("haproxy-fcgi", "scgi", "nginx-scgi", "mod-proxy-scgi", "mod-fcgid"),
        },
        "DELETE, OPTIONS and methods of which it does not know better; SCGI wants one",
    ),
    "ends_programs": _fact(
        "it ends a CGI program by SIGTERM when it wants no more of its response",
        _HTTPD_CGI,
        "inferred, not traced: `close` of the body says nothing in the log",
    ),
    "gathers_requests": _fact(
        "it hands a body on when it has all of it",
        {"nginx-scgi", "mod-fcgid", *_LIGHTTPD},
        "nginx: with scgi_request_buffering off CONTENT_LENGTH is what has come so far;"
        " lighttpd: with server.stream-request-body it answers 411 to chunks",
    ),
    "replaces_control_bytes": _fact(
        "it puts `_` for control bytes of a path",
        _LIGHTTPD,
        "%01 is `_` in PATH_INFO",
    ),
    "refuses_a_body_on_get": _fact(
        "it answers 400 to a GET with a body",
        _LIGHTTPD,
        "method-get-body of server.http-parseopts is enabled and does not help",
    ),
    "refuses_chunked_bodies": _fact(
        "it answers 411 to a chunked body",
        {"mod-proxy-scgi", "mod-proxy-uwsgi"},
        "httpd 2.4.71; proxy-sendcl, which helps mod_proxy_http, does not help here",
    ),
    "refuses_large_chunked_bodies": _fact(
        "it answers 400 to a chunked body that it does not have whole at once",
        {"haproxy-fcgi"},
        "HAProxy 2.6 with chunks of 50 000 bytes; the gateway sees no request",
    ),
    "forgets_a_blocked_body": _fact(
        "of a body for which there was no room once the response had begun, it sends"
        " nothing more",
        _NGINX,
        "nginx 1.22 before 20 lines of Python that begin a response and read nothing"
        " for half a second: of 200 000 bytes 198 248 ever come, of 180 000 all; its"
        " handler of new room returns where `header_sent`",
        always=False,
    ),
    "wants_room_for_parameters": _fact(
        "it answers 500 to a request whose parameters do not fit into what is left of a"
        " buffer of its connection",
        {"haproxy-fcgi"},
        "HAProxy 2.6, IH in its log beside eight large uploads; fcgi_strm_send_params"
        " goes on to the next buffer only for fields of the request",
        always=False,
    ),
    "passes_the_body_on_first": _fact(
        "it passes nothing of a response on before it has passed on all of a body",
        {"mod-proxy-scgi", "mod-proxy-uwsgi"},
        "a client that sends the rest once the response has begun times out, although"
        " the application reads what has come",
    ),
    "may_hide_a_cut": _fact(
        "what it makes of a cut response depends on how much of it it reads at once",
        {*_LIGHTTPD, *_HTTPD} - {"lighttpd-cgi", "mod-proxy-fcgi"},
        "lighttpd: of 19 cases 12, 15 and 17 were seen to be cut in three runs, and all"
        " where the client has the beginning first (test_cut.py)",
        always=False,
    ),
    "shows_a_cut_by_length": _fact(
        "it makes a whole of a cut response that declared no length",
        {"mod-fcgid"},
        "the last chunk comes whichever way the program cuts; with a length the client"
        " gets less than that",
    ),
    "misreads_many_records": _fact(
        "of many small records it now and then passes on headers as content",
        {"cgi-fcgi"},
        "seen twice in bodies of 5000 pieces, once at 6545; not traced to its source",
        always=False,
    ),
    "waits_between_pieces": _fact(
        "having sent a piece of a body it waits for the next, and looks at no response",
        {"mod-proxy-fcgi"},
        "AH01075, `reading input brigade`, where the client waits for the response",
    ),
    "relays_errors": _fact(
        "it logs a program's errors itself: after the body, a line for each piece, and"
        " what is not ASCII escaped",
        {"mod-cgi"},
        "lines with AH01215; `split … joined` are two, and none comes before the body"
        " has been sent",
    ),
    "escapes_its_log": _fact(
        "it writes what is not ASCII as escapes into its error log",
        _INLINE,
        "`\\xc3\\xa6` for a letter that an application has written",
    ),
    "several_processes": _fact(
        "it answers each request in whichever of its processes is free",
        {"apache-prefork-inline"},
        "what one request left behind is not there for the next, which another answers",
    ),
    "one_request_for_each_process": _fact(
        "it gives a process a request when the one before has ended",
        {"mod-fcgid"},
        "with FcgidMaxProcessesPerClass 1 two requests are never there at once",
    ),
    "sends_the_body_first": _fact(
        "it reads no response before the program has read the whole body",
        {*_HTTPD_CGI, "mod-fcgid"},
        "inferred, not traced: a 2 MB echo through mod_cgid or mod_fcgid times out",
    ),
    "waits_for_a_short_response": _fact(
        "it keeps the connection open after a response shorter than its length",
        _HTTPD - {"mod-proxy-uwsgi"},
        "the client waits for the rest until the keep-alive timeout",
    ),
}
