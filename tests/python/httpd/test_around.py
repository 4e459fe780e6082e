"""What httpd does around an application: the rest of httpd is still there."""

from __future__ import annotations

import gzip
import json
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from httpd.applications.inside import TEXT
from httpd.site import Site
from support.fronts.program import PATIENCE, find_program
from support.messages import Request

if TYPE_CHECKING:
    from collections.abc import Iterator

_MODULES = (
    *("deflate", "filter", "headers", "include", "rewrite", "setenvif"),
    *("authn_core", "authn_file", "auth_basic", "authz_user"),
    *("proxy", "proxy_http", "http2", "expires"),
)
_LINES = """\
NarthexPython ${PYTHON}
NarthexGroup suite processes=1 ${ENVIRONMENT}
NarthexProcess PROCESS
Protocols h2c http/1.1
AddType text/html .shtml
Alias /app/files ${HERE}
Alias /pages ${HERE}
<Directory ${HERE}>
    Require all granted
    Options +Includes
    AddOutputFilter INCLUDES .shtml
</Directory>
<Location /app>
    NarthexApp ${HERE}/inside.py:app
    Header set X-Added "by httpd"
    Header set X-Process "PROCESS"
    SetEnv FROM_HTTPD "a word"
    SetEnvIf User-Agent robot ROBOT=yes
</Location>
<Location /app/text>
    AddOutputFilterByType DEFLATE text/plain
</Location>
<Location /app/count>
    LimitRequestBody 100000
</Location>
<Location /app/env/private>
    AuthType Basic
    AuthName private
    AuthUserFile ${HERE}/users
    Require valid-user
</Location>
<Location /app/env/closed>
    Require all denied
</Location>
ErrorDocument 404 /app/env/not-found
ErrorDocument 403 /app/env/forbidden
RewriteEngine On
RewriteRule ^/rewritten/(.*)$ /app/env/rewritten/$1 [PT]
ProxyPass /through http://127.0.0.1:${PORT}/app
"""


@pytest.fixture(scope="module", params=["inline", "group:suite"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    lines = _LINES.replace("PROCESS", request.param)
    with Site(lines, modules=_MODULES) as site:
        # somebody:secret
        (site.here / "users").write_text("somebody:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")
        (site.here / "one.txt").write_text("0123456789")
        (site.here / "page.shtml").write_text(
            '[<!--#include virtual="/app/echo" -->'
            '<!--#include virtual="/app/status/200" -->]'
        )
        yield site


def seen(site: Site, target: str, *fields: tuple[str, str]) -> dict[str, str]:
    """The variables that the application sees."""
    response = site.ask(target, headers=fields)
    assert response.status == 200
    variables: dict[str, str] = json.loads(response.body)
    return variables


def curl(site: Site, *words: str) -> str:
    """What curl says."""
    outcome = subprocess.run(
        [find_program("curl"), "--silent", "--show-error", *words],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout


def test_a_response_is_compressed(site: Site) -> None:
    plain = site.ask("/app/text")
    assert plain.body == TEXT
    small = site.ask("/app/text", headers=[("Accept-Encoding", "gzip")])
    assert small.header("content-encoding") == "gzip"
    assert small.header("content-length") != str(len(TEXT))
    assert gzip.decompress(small.body) == TEXT


def test_fields_are_added(site: Site) -> None:
    assert site.ask("/app/echo").header("x-added") == "by httpd"


def test_a_body_over_the_limit_is_refused(site: Site) -> None:
    assert site.ask("/app/count", "POST", body=b"x" * 100_000).text == "100000"
    assert site.ask("/app/count", "POST", body=b"x" * 100_001).status == 413
    with site.connect() as connection:
        pieces = [b"x" * 20_000] * 6
        chunks = Request("POST", "/app/count", body=pieces, chunked=True)
        assert connection.request(chunks).status == 413


def test_chunks_are_read(site: Site) -> None:
    with site.connect() as connection:
        pieces = [b"x" * 9_000, b"y" * 7]
        chunks = Request("POST", "/app/echo", body=pieces, chunked=True)
        assert connection.request(chunks).body == b"".join(pieces)
        # What follows is the next request.
        assert connection.request(Request(target="/app/echo")).body == b""


def test_an_error_of_httpd_has_the_page_that_is_configured(site: Site) -> None:
    response = site.ask("/nowhere?a=b")
    assert response.status == 404
    variables = json.loads(response.body)
    assert variables["PATH_INFO"] == "/env/not-found"
    assert variables["REDIRECT_STATUS"] == "404"
    assert variables["REDIRECT_URL"] == "/nowhere"
    assert variables["REQUEST_METHOD"] == "GET"
    closed = site.ask("/app/env/closed", "POST", body=b"lost")
    assert closed.status == 403
    assert json.loads(closed.body)["PATH_INFO"] == "/env/forbidden"
    assert json.loads(closed.body)["REQUEST_METHOD"] == "GET"


def test_an_error_of_the_application_has_its_own_page(site: Site) -> None:
    response = site.ask("/app/status/404")
    assert (response.status, response.reason) == (404, "Said")
    assert response.text == "our own page"


def test_a_rewritten_path_is_the_one_that_is_seen(site: Site) -> None:
    variables = seen(site, "/rewritten/a?b=c")
    assert variables["SCRIPT_NAME"] == "/app"
    assert variables["PATH_INFO"] == "/env/rewritten/a"
    assert variables["QUERY_STRING"] == "b=c"
    assert variables["REQUEST_URI"] == "/rewritten/a?b=c"


def test_variables_of_httpd_are_seen(site: Site) -> None:
    variables = seen(site, "/app/env", ("User-Agent", "a robot"))
    assert variables["FROM_HTTPD"] == "a word"
    assert variables["ROBOT"] == "yes"
    assert "ROBOT" not in seen(site, "/app/env", ("User-Agent", "a person"))


def test_a_user_is_seen(site: Site) -> None:
    assert site.ask("/app/env/private").status == 401
    right = ("Authorization", "Basic c29tZWJvZHk6c2VjcmV0")
    variables = seen(site, "/app/env/private", right)
    assert variables["REMOTE_USER"] == "somebody"
    assert variables["AUTH_TYPE"] == "Basic"
    assert "REMOTE_USER" not in seen(site, "/app/env")


def test_head_and_not_modified_have_no_body(site: Site) -> None:
    with site.connect() as connection:
        head = connection.request(Request("HEAD", "/app/text"))
        assert (head.status, head.body) == (200, b"")
        assert head.header("content-length") == str(len(TEXT))
        tag = (("If-None-Match", '"one"'),)
        known = connection.request(Request(target="/app/tagged", headers=tag))
        assert (known.status, known.body) == (304, b"")
        assert known.header("etag") == '"one"'
        assert connection.request(Request(target="/app/tagged")).text == "the first"


def test_an_alias_within_is_httpds(site: Site) -> None:
    """Its file, with what httpd does for files."""
    part = site.ask("/app/files/one.txt", headers=[("Range", "bytes=2-4")])
    assert (part.status, part.text) == (206, "234")
    assert part.header("content-range") == "bytes 2-4/10"
    whole = site.ask("/app/files/one.txt")
    again = [("If-None-Match", whole.header("etag") or "")]
    assert site.ask("/app/files/one.txt", headers=again).status == 304
    assert site.ask("/app/files/two.txt").status == 404


def test_a_range_is_taken_from_what_the_application_sends(site: Site) -> None:
    """Not cut twice: whoever makes it, client and httpd agree."""
    response = site.ask("/app/text", headers=[("Range", "bytes=0-9")])
    if response.status == 206:
        assert response.body == TEXT[:10]
    else:
        assert (response.status, response.body) == (200, TEXT)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/app/env/a%2Fb", "/env/a/b"),
        ("/app/env//a", "/env//a"),
        ("/app/env/a%20b;c", "/env/a b;c"),
        ("/app/env/%C3%A4", "/env/\u00c3\u00a4"),
    ],
)
def test_paths_arrive_decoded_once(site: Site, target: str, path: str) -> None:
    assert seen(site, target)["PATH_INFO"] == path


def test_a_page_includes_the_application(site: Site) -> None:
    """A subrequest, twice, within a response of another module."""
    assert site.ask("/pages/page.shtml").text == "[our own page]"


def test_redirects_are_the_clients(site: Site) -> None:
    response = site.ask("/app/redirect")
    assert response.status == 302
    assert (response.header("location") or "").endswith("/app/target")


def test_httpd_before_itself(site: Site) -> None:
    assert json.loads(site.ask("/through/env").body)["PATH_INFO"] == "/env"
    posted = site.ask("/through/echo", "POST", body=b"x" * 70_000)
    assert posted.body == b"x" * 70_000


def test_http2(site: Site) -> None:
    """Each stream has a thread of its own in httpd."""
    root = f"http://127.0.0.1:{site.httpd.port}/app"
    variables = json.loads(curl(site, "--http2-prior-knowledge", f"{root}/env/a?b"))
    assert variables["SERVER_PROTOCOL"] == "HTTP/2"
    assert variables["PATH_INFO"] == "/env/a"
    assert variables["QUERY_STRING"] == "b"
    # Many at once, on one connection.
    load = [find_program("h2load"), "-c1", "-m20", "-n200", f"{root}/text"]
    done = subprocess.run(load, capture_output=True, text=True, check=True)
    assert "200 succeeded, 0 failed" in done.stdout
    assert "status codes: 200 2xx" in done.stdout
    data = (site.here / "data").resolve()
    data.write_bytes(b"y" * 300_000)
    echoed = curl(
        *(site, "--http2-prior-knowledge", "--data-binary", f"@{data}"),
        f"{root}/echo",
    )
    assert echoed == "y" * 300_000


def test_a_client_is_asked_to_go_on_when_somebody_reads(site: Site) -> None:
    """100 Continue comes when the application reads.

    Inline it comes only then. A group is given a short body at once.
    """
    expecting = (("Expect", "100-continue"), ("Content-Length", "5"))
    with site.connect() as connection:
        connection.send(Request("POST", "/app/echo", expecting))
        assert connection.receive_head()[0] == 100
        connection.send_raw(b"hello")
        assert connection.receive().text == "hello"
    with site.connect() as connection:
        connection.send(Request("POST", "/app/refuse", expecting))
        status, *_ = connection.receive_head()
        if status == 100:
            assert site.ask("/app/echo").header("x-process") == "group:suite"
            connection.send_raw(b"hello")
            status, *_ = connection.receive_head()
        assert status == 403


def test_a_client_that_leaves_is_noticed(site: Site) -> None:
    mark = site.log.mark()
    with site.connect() as connection:
        connection.send(Request(target="/app/endless"))
        assert connection.receive_some()
        connection.reset()
    site.log.wait_for("the endless body was closed", mark)
    assert site.ask("/app/echo").status == 200


def test_a_client_that_leaves_within_its_body_is_noticed(site: Site) -> None:
    with site.connect() as connection:
        connection.send_raw(
            b"POST /app/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf"
        )
        connection.socket.shutdown(socket.SHUT_WR)
        # It may be told; no answer can be a good one.
        assert b" 200 " not in connection.receive_some()
    assert site.ask("/app/echo", "POST", body=b"x").body == b"x"


def test_extension_modules_load(site: Site) -> None:
    assert site.ask("/app/extensions").text == "2 0.125"
