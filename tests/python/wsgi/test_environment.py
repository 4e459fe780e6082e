"""PEP 3333: the environ, complete, of the right types, and true."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from support.backends import Backend
from support.excuses import ASCII_ONLY, excuse
from support.messages import Request
from support.server import Server, SocketServer, request_for
from wsgi.sites import environment

pytestmark = pytest.mark.api("wsgi")


@pytest.fixture
def server(backend: Backend) -> Server:
    """The applications of the site."""
    return backend.serve(Path(environment.__file__))


def dump(server: Server, request: Request | None = None) -> dict[str, Any]:
    """Asks for the text in the environ."""
    response = server.request(request or request_for("dump"))
    assert response.status == 200, response
    strings: dict[str, Any] = json.loads(response.body)["strings"]
    return strings


def facts(server: Server) -> dict[str, Any]:
    """Asks for what the application found out about its environ."""
    known: dict[str, Any] = json.loads(server.ask("dump").body)["facts"]
    return known


def test_types(server: Server) -> None:
    """The environ is a dict of native strings, exactly."""
    known = facts(server)
    assert known["dict"]
    assert known["names"]
    assert known["version"]
    assert known["latin"]


def test_flags_are_honest(server: Server) -> None:
    """The flags say what the backend says of itself."""
    flags = facts(server)["flags"]
    for name in ("multithread", "multiprocess", "run_once"):
        assert flags[name] is (name in server.served.capabilities), name
    assert flags["input_terminated"] is True


def test_required_variables(server: Server) -> None:
    """What CGI and PEP 3333 require is there, as text."""
    strings = dump(server)
    for name in (
        "REQUEST_METHOD",
        "SCRIPT_NAME",
        "PATH_INFO",
        "QUERY_STRING",
        "SERVER_NAME",
        "SERVER_PORT",
        "SERVER_PROTOCOL",
        "SERVER_SOFTWARE",
        "REMOTE_ADDR",
        "wsgi.url_scheme",
    ):
        assert isinstance(strings.get(name), str), name
    assert strings["REMOTE_ADDR"] == "127.0.0.1"
    assert strings["REMOTE_PORT"].isdigit()
    assert strings["SERVER_NAME"] == "127.0.0.1"
    assert strings["wsgi.url_scheme"] == "http"
    assert strings["HTTP_HOST"].startswith("127.0.0.1")
    if isinstance(server, SocketServer):
        assert strings["SERVER_PORT"] == str(server.address[1])


def test_raw_target(server: Server) -> None:
    """REQUEST_URI and RAW_URI are the target as it was sent."""
    target = "/a%2Fb/%e2%82%AC/./c;d=1?q=%41+b&&"
    strings = dump(server, request_for("dump", target=target))
    assert strings["REQUEST_URI"] == strings["RAW_URI"] == target
    assert strings["PATH_INFO"].encode("latin-1") == "/a/b/€/c;d=1".encode()
    assert strings["QUERY_STRING"] == "q=%41+b&&"


def test_query_that_is_absent(server: Server) -> None:
    """Without a query QUERY_STRING is empty."""
    strings = dump(server)
    assert strings["QUERY_STRING"] == ""
    assert strings["REQUEST_URI"] == "/"


def test_content_variables(server: Server) -> None:
    """Type and length have variables of their own, without HTTP_."""
    fields = [("Content-Type", "text/x; a=b")]
    strings = dump(server, request_for("dump", "POST", headers=fields, body=b"12345"))
    assert strings["CONTENT_TYPE"] == "text/x; a=b"
    assert strings["CONTENT_LENGTH"] == "5"
    assert "HTTP_CONTENT_TYPE" not in strings
    assert "HTTP_CONTENT_LENGTH" not in strings


def test_content_variables_that_are_absent(server: Server) -> None:
    """Without a body they are empty or absent."""
    strings = dump(server)
    assert not strings.get("CONTENT_TYPE")
    assert not strings.get("CONTENT_LENGTH")


@pytest.mark.excused(lacks="framing", because="the host takes the chunks off")
def test_chunked_has_no_length(server: Server) -> None:
    """A chunked body has no length, and nobody makes one up."""
    strings = dump(server, request_for("dump", "POST", body=[b"123"], chunked=True))
    assert not strings.get("CONTENT_LENGTH")


@ASCII_ONLY
def test_latin_letters(server: Server) -> None:
    """Fields and query arrive byte by byte as Latin-1."""
    fields = [("X-Latin", "caf\xe9 \xff"), ("X-Tab", "a\tb")]
    strings = dump(server, request_for("dump", target="/%FF%C3", headers=fields))
    assert strings["HTTP_X_LATIN"] == "caf\xe9 \xff"
    assert strings["HTTP_X_TAB"] == "a\tb"
    assert strings["PATH_INFO"] == "/\xff\xc3"


@pytest.mark.excused(fact="joins_cookies")
def test_repeated_fields(server: Server) -> None:
    """Repeated fields are joined in order, cookies by a semicolon."""
    fields = [("X-Many", "1"), ("Cookie", "a=1"), ("X-Many", "2"), ("Cookie", "b=2")]
    strings = dump(server, request_for("dump", headers=fields))
    assert strings["HTTP_X_MANY"] == "1, 2"
    assert strings["HTTP_COOKIE"] == "a=1; b=2"


@pytest.mark.excused(fact="drops_empty_request_fields")
def test_empty_field(server: Server) -> None:
    """A field may be empty."""
    strings = dump(server, request_for("dump", headers=[("X-Empty", "")]))
    assert strings["HTTP_X_EMPTY"] == ""


def test_proxy_field_is_dropped(server: Server) -> None:
    """A client cannot set HTTP_PROXY (CVE-2016-5385)."""
    fields = [("Proxy", "http://evil:1"), ("PROXY", "http://evil:2")]
    assert "HTTP_PROXY" not in dump(server, request_for("dump", headers=fields))


@pytest.mark.excused(lacks="framing", because="only the host sees the real names")
@pytest.mark.parametrize(
    "name", ["X_Forwarded_For", "Content_Length", "X_Remote_User", "Content_Type"]
)
def test_underscores_forge_nothing(server: Server, name: str) -> None:
    """A field named with an underscore never passes for one with a hyphen."""
    genuine = name.replace("_", "-")
    fields = [(name, "7777")]
    if genuine != "Content-Length":
        fields.append((genuine, "genuine"))
    response = server.ask("dump", headers=fields)
    assert response.status in (200, 400)
    if response.status == 200:
        assert "7777" not in json.dumps(json.loads(response.body)["strings"])


@pytest.mark.parametrize(
    "method",
    [
        *["PUT", "DELETE", "PATCH", "OPTIONS", "MOVE"],
        pytest.param("x-Y", marks=pytest.mark.excused(fact="knows_methods")),
    ],
)
def test_methods(server: Server, method: str) -> None:
    """Any method reaches the application, as it is."""
    assert dump(server, request_for("dump", method))["REQUEST_METHOD"] == method


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
def test_protocol(server: Server, version: str) -> None:
    """SERVER_PROTOCOL is what the client speaks."""
    headers = (("X-Case", "dump"),)
    strings = dump(server, Request(headers=headers, version=version))
    assert strings["SERVER_PROTOCOL"] == version


@pytest.mark.excused(fact="no_http_connection")
@pytest.mark.excused(lacks="persistent", because="the host resolves the target")
def test_absolute_target(server: Server) -> None:
    """A target with scheme and host is the same request."""
    assert isinstance(server, SocketServer)
    target = f"http://{server.address[0]}:{server.address[1]}/a%20b?c"
    strings = dump(server, request_for("dump", target=target))
    assert strings["PATH_INFO"] == "/a b"
    assert strings["QUERY_STRING"] == "c"


def test_environ_is_of_one_request(server: Server) -> None:
    """What an application does to its environ ends with the request."""
    spoilt, again, after = server.conversation(
        request_for("spoil"), request_for("spoil"), request_for("dump")
    )
    assert spoilt.text == again.text == "[]"
    strings = json.loads(after.body)["strings"]
    assert strings["PATH_INFO"] == "/"
    assert strings["SERVER_NAME"] == "127.0.0.1"
    assert "spoilt.key" not in strings


def test_errors(backend: Backend, server: Server) -> None:
    """What is written to the error stream is in the log, flushed or not."""
    token = uuid.uuid4().hex
    assert server.ask("errors", headers=[("X-Token", token)]).text == "written"
    for text in (
        f"write {token}",
        f"writelines {token}",
        f"second {token}",
        f"print {token}",
        f"unflushed {token}",
    ):
        server.log.wait_for(text)
    excuse(backend, "relays_errors")
    server.log.wait_for(f"split {token} joined {token}")
    excuse(backend, "escapes_its_log")
    server.log.wait_for(f"letters æ€\U0001f600 {token}")


@pytest.mark.parametrize("mount", ["/app", "/deep/er"])
def test_mount(backend: Backend, mount: str) -> None:
    """Below a mount point the path is cut at it."""
    server = backend.serve(Path(environment.__file__), mount=mount)
    for rest in ("", "/", "/x%2Fy", "//x"):
        strings = dump(server, request_for("dump", target=mount + rest))
        assert strings["SCRIPT_NAME"] == mount
        assert strings["PATH_INFO"] == rest.replace("%2F", "/")
        assert strings["REQUEST_URI"] == mount + rest
