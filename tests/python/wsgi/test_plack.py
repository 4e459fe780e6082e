"""Plack's 36 handler cases, at the root and below a mount point."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from pathlib import Path

import pytest

from support.backends import Backend
from support.messages import Response
from support.server import Server
from wsgi.sites import plack

pytestmark = pytest.mark.api("wsgi")
SITE = Path(plack.__file__)


class Client:
    """Asks for paths below the mount point."""

    def __init__(self, server: Server, mount: str) -> None:
        """Remembers both."""
        self.server = server
        self.mount = mount

    def ask(
        self,
        case: str,
        target: str = "/",
        method: str = "GET",
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Response:
        """Sends one request to the application of `case`."""
        target = self.mount + target
        return self.server.ask(case, method, target, tuple(headers), body)


@pytest.fixture(params=["", "/foo/bar/baz"], ids=["root", "mounted"])
def client(backend: Backend, request: pytest.FixtureRequest) -> Client:
    """The applications, once at the root and once mounted."""
    return Client(backend.serve(SITE, mount=request.param), request.param)


def test_script_name(client: Client) -> None:
    """The mount point is SCRIPT_NAME."""
    assert client.ask("echo", "/?SCRIPT_NAME").text == client.mount


def test_get(client: Client) -> None:
    """A GET with a query is answered."""
    response = client.ask("hello", "/?name=miyagawa")
    assert (response.status, response.reason) == (200, "OK")
    assert response.header("content-type") == "text/plain"
    assert response.text == "Hello, name=miyagawa"


def test_post(client: Client) -> None:
    """Length, type and body of a POST arrive."""
    form = ("Content-Type", "application/x-www-form-urlencoded")
    response = client.ask("post", "/", "POST", [form], b"name=tatsuhiko")
    assert response.header("client-content-length") == "14"
    assert response.header("client-content-type") == form[1]
    assert response.text == "name=tatsuhiko"


def test_big_post(client: Client) -> None:
    """A body of 96 000 bytes arrives unchanged."""
    body = b"abcdefgh" * 12000
    response = client.ask("post", "/", "POST", body=body)
    assert response.header("client-content-length") == "96000"
    assert response.header("client-digest") == hashlib.md5(body).hexdigest()
    assert response.body == body


def test_url_scheme(client: Client) -> None:
    """The scheme is http."""
    assert client.ask("echo", "/?wsgi.url_scheme").text == "http"


def test_file_handle(client: Client) -> None:
    """A file object is sent to its end."""
    assert client.ask("file_handle").body.endswith(b"# END\n")


def test_image(client: Client) -> None:
    """A binary body is sent with its length."""
    response = client.ask("image")
    assert response.header("content-length") == "2898" == str(len(plack.IMAGE))
    assert response.body == plack.IMAGE


def test_bigger_file(client: Client) -> None:
    """A larger binary body is sent with its length."""
    response = client.ask("bigger_file")
    assert response.header("content-length") == "14750" == str(len(plack.BIG))
    assert response.body == plack.BIG


def test_request_field(client: Client) -> None:
    """A request field becomes a variable."""
    response = client.ask("echo", "/?HTTP_FOO", headers=[("Foo", "Bar")])
    assert response.text == "Bar"


def test_cookie(client: Client) -> None:
    """The cookie becomes a variable."""
    response = client.ask("echo", "/?HTTP_COOKIE", headers=[("Cookie", "foo=bar")])
    assert response.text == "foo=bar"


def test_environment(client: Client) -> None:
    """The variables of a request are right together."""
    lines = client.ask("environment", "/foo/?dankogai=kogaidan").text.splitlines()
    variables = dict(line.split(":", 1) for line in lines)
    assert variables["REQUEST_METHOD"] == "GET"
    assert variables["SCRIPT_NAME"] == client.mount
    assert variables["PATH_INFO"] == "/foo/"
    assert variables["QUERY_STRING"] == "dankogai=kogaidan"
    assert variables["SERVER_NAME"]
    assert int(variables["SERVER_PORT"]) > 0


def test_comma_is_decoded(client: Client) -> None:
    """PATH_INFO is decoded."""
    assert client.ask("echo", "/foo/bar%2cbaz?PATH_INFO").text == "/foo/bar,baz"


def test_percent_is_decoded_once(client: Client) -> None:
    """PATH_INFO is decoded once."""
    assert client.ask("echo", "/foo/bar%252cbaz?PATH_INFO").text == "/foo/bar%2cbaz"


def test_path_of_other_letters(client: Client) -> None:
    """PATH_INFO holds the bytes of what is not ASCII."""
    response = client.ask("echo", "/foo/%E3%81%82?PATH_INFO")
    assert response.body == b"/foo/\xe3\x81\x82"


def test_server_protocol(client: Client) -> None:
    """SERVER_PROTOCOL is the client's."""
    assert client.ask("echo", "/?SERVER_PROTOCOL").text == "HTTP/1.1"


def test_script_name_is_defined(client: Client) -> None:
    """SCRIPT_NAME is never absent."""
    assert client.ask("echo", "/foo?SCRIPT_NAME").text != "absent"


def test_close_is_called(client: Client) -> None:
    """The body is closed after it was sent."""
    token = uuid.uuid4().hex
    response = client.ask("closed", headers=[("X-Token", token)])
    assert response.text == "Hello World"
    client.server.log.wait_for(f"closed {token}")


def test_errors(client: Client) -> None:
    """There is an error stream, and it goes to the log."""
    token = uuid.uuid4().hex
    assert client.ask("errors", headers=[("X-Token", token)]).text == "noted"
    client.server.log.wait_for(f"noted {token}")


def test_status_line(client: Client) -> None:
    """Status and reason arrive."""
    response = client.ask("hello")
    assert (response.status, response.reason) == (200, "OK")


def test_application_dies(client: Client) -> None:
    """An exception costs one request."""
    mark = client.server.log.mark()
    response = client.ask("dies")
    assert response.status == 500
    assert "RuntimeError" not in response.text
    client.server.log.wait_for("RuntimeError: Throwing an exception", mark)
    assert client.ask("plain").text == "plain"


def test_repeated_request_field(client: Client) -> None:
    """Repeated request fields are joined."""
    fields = [("Foo", "bar"), ("Foo", "baz")]
    assert client.ask("echo", "/?HTTP_FOO", headers=fields).text == "bar, baz"


@pytest.mark.excused(fact="joins_response_fields")
def test_repeated_response_field(client: Client) -> None:
    """Repeated response fields are kept, in order."""
    response = client.ask("repeated_fields")
    assert response.all("x-foo") == ["foo", "bar, baz"]
    assert response.all("x-bar") == ["one"]


def test_no_cookie_variable(client: Client) -> None:
    """A cookie makes no variable but HTTP_COOKIE."""
    response = client.ask("echo", "/?COOKIE", headers=[("Cookie", "foo=bar")])
    assert response.text == "absent"


@pytest.mark.excused(fact="measures_what_has_no_body")
def test_not_modified(client: Client) -> None:
    """A 304 carries neither type nor length nor coding."""
    response = client.ask("not_modified")
    assert (response.status, response.body) == (304, b"")
    for name in ("content-type", "content-length", "transfer-encoding"):
        assert response.header(name) is None


def test_request_uri(client: Client) -> None:
    """REQUEST_URI is the target as it was sent."""
    target = "/foo/bar%20baz%73?REQUEST_URI"
    assert client.ask("echo", target).text == client.mount + target


def test_wrapped_file(client: Client) -> None:
    """A file through the server's wrapper is sent to its end."""
    assert client.ask("wrapped_file").body == SITE.read_bytes()


def test_long_field(client: Client) -> None:
    """A field of more than 128 bytes survives both ways."""
    value = "x" * 200
    response = client.ask("long_field", headers=[("X-Long", value)])
    assert response.header("x-long") == value


def test_delayed_response(client: Client) -> None:
    """A response that starts late is the same."""
    response = client.ask("delayed", "/?name=miyagawa")
    assert response.header("content-type") == "text/plain"
    assert response.text == "Hello, name=miyagawa"


def test_streamed_response(client: Client) -> None:
    """A response that is written is the same."""
    assert client.ask("streamed", "/?name=miyagawa").text == "Hello, name=miyagawa"


def test_body_that_looks_like_fields(client: Client) -> None:
    """Fields in a body stay there."""
    response = client.ask("header_like")
    assert response.header("content-type") == "text/plain"
    assert response.body == plack.HEADER_LIKE


def test_newlines(client: Client) -> None:
    """Newlines stay what they are."""
    assert client.ask("newlines").body == b"\n" * 17


def test_not_found(client: Client) -> None:
    """A 404 is a response like others."""
    response = client.ask("not_found")
    assert (response.status, response.reason) == (404, "Not Found")
    assert response.text == "Not Found"


def test_input_read_again(client: Client) -> None:
    """The body is there once or, where the input can seek, again."""
    response = client.ask("read_again", method="POST", body=b"name=tatsuhiko")
    assert response.text == "name=tatsuhiko"


@pytest.mark.excused(fact="refuses_a_body_on_get")
def test_body_on_get(client: Client) -> None:
    """A GET may have a body."""
    response = client.ask("post", method="GET", body=b"name=tatsuhiko")
    assert response.header("client-content-length") == "14"
    assert response.text == "name=tatsuhiko"


@pytest.mark.parametrize("credentials", ["Basic dXNlcjpwYXNz", None])
def test_authorization(client: Client, credentials: str | None) -> None:
    """The credentials arrive where they were sent, under CGI too."""
    fields = [("Authorization", credentials)] if credentials else []
    response = client.ask("echo", "/?HTTP_AUTHORIZATION", headers=fields)
    assert response.text == (credentials or "absent")


def test_repeated_slashes(client: Client) -> None:
    """Slashes are not squeezed."""
    response = client.ask("echo", "//foo///bar/baz?PATH_INFO")
    assert response.text == "//foo///bar/baz"
