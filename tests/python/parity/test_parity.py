"""The same request on every backend: the same view inside, the same answer outside."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from parity import view
from support.backends import BACKENDS, Backend
from support.excuses import ASCII_ONLY
from support.messages import Request, Response

_ATTRIBUTES = {"wsgi": "application", "transaction": "respond"}
_FORM = ("Content-Type", "application/x-www-form-urlencoded")
# What a server says for itself, framing and hop-by-hop fields.
_OWN = {"date", "server", "connection", "keep-alive", "transfer-encoding"}

CORPUS = {
    "plain": Request(),
    "query": Request(target="/?a=1&b=%20&c&&=x&a=2+3"),
    "question_marks": Request(target="/a?b?c=/d?"),
    "escapes": Request(target="/a%20b/%E2%82%AC%2Fx"),
    "escaped_twice": Request(target="/%2520/%252F"),
    "latin_escape": Request(target="/caf%E9/%FF"),
    "slashes": Request(target="//a///b//"),
    "dots": Request(target="/a/./b/../c"),
    "escaped_dots": Request(target="/a/%2e%2E/c/%2e"),
    "above_the_root": Request(target="/../../etc/passwd"),
    "semicolons": Request(target="/a;x=1/b;y"),
    "reserved": Request(target="/!$&'()*+,=:@-._~"),
    "long_target": Request(target="/" + "x" * 4000 + "?" + "y" * 3000),
    "post": Request("POST", "/form", (_FORM,), b"a=1&b=%C3%A9"),
    "empty_post": Request("POST", "/form", (_FORM,), length=0),
    "binary_post": Request("POST", "/", (), bytes(range(256)) * 300),
    "body_on_get": Request("GET", "/", (), b"unusual"),
    "put": Request("PUT", "/file", (), b"content"),
    "delete": Request("DELETE", "/file"),
    "options": Request("OPTIONS", "/file"),
    "head": Request("HEAD", "/file"),
    "own_method": Request("FROBNICATE", "/"),
    "repeated_fields": Request(headers=(("X-Many", "1"), ("X-Many", "2, 3"))),
    "cookies": Request(headers=(("Cookie", "a=1; b=2"), ("Cookie", "c=3"))),
    "latin_field": Request(headers=(("X-Latin", "caf\xe9 \xff"),)),
    "empty_field": Request(headers=(("X-Many", ""),)),
    "spaces_in_field": Request(headers=(("X-Many", "  a  b  "),)),
    "credentials": Request(headers=(("Authorization", "Basic dTpw"),)),
    "bearer": Request(headers=(("Authorization", "Bearer abc.def"),)),
    "httpoxy": Request(headers=(("Proxy", "http://evil"),)),
    "reason": Request(headers=(("X-Status", "299 Quite\xe9 all right"),)),
    "not_found": Request(headers=(("X-Status", "404 Nowhere"),)),
    "failure": Request(headers=(("X-Status", "500 Sorry"),)),
    "old_protocol": Request(version="HTTP/1.0"),
}


# What web servers refuse or change, by the name of the fact.
EXCUSED = {
    "cookies": ["joins_cookies"],
    "above_the_root": ["refuses_above_the_root"],
    "body_on_get": ["refuses_a_body_on_get"],
    "delete": ["invents_a_length"],
    "options": ["invents_a_length"],
    "own_method": ["refuses_unknown_methods", "invents_a_length"],
    "empty_field": ["drops_empty_request_fields"],
    "reason": ["own_reason_phrase"],
    "not_found": ["own_reason_phrase"],
    "failure": ["own_reason_phrase"],
}


def _marks(name: str) -> list[pytest.MarkDecorator]:
    latin = not all(value.isascii() for _, value in CORPUS[name].headers)
    facts = EXCUSED.get(name, [])
    marks = [pytest.mark.excused(fact=fact) for fact in facts]
    return [*marks, ASCII_ONLY] if latin else marks


_answers: dict[tuple[str, str, str, str], dict[str, Any]] = {}


@pytest.fixture(params=_ATTRIBUTES)
def api(request: pytest.FixtureRequest) -> str:
    """The API of the application."""
    return str(request.param)


@pytest.mark.parametrize("mount", ["", "/mounted"], ids=["root", "mounted"])
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=_marks(name)) for name in CORPUS],
)
def test_parity(backend: Backend, api: str, name: str, mount: str) -> None:
    """Nothing tells the backends apart."""
    seen = answer(backend, api, name, mount)
    assert seen["status"] == int(_status(name).split()[0])
    expected = answer(BACKENDS[0], api, name, mount)
    assert less(seen, backend.facts) == less(expected, backend.facts)


def less(answer: dict[str, Any], facts: Collection[str]) -> dict[str, Any]:
    """Leaves out of an answer what a web server does to every one; see `FACTS`."""
    fields = answer["fields"]
    if "drops_empty_response_fields" in facts:
        fields = {name: [v for v in values if v] for name, values in fields.items()}
        fields = {name: values for name, values in fields.items() if values}
    if "joins_response_fields" in facts:
        fields = {name: [", ".join(values)] for name, values in fields.items()}
    return {**answer, "fields": fields}


def _status(name: str) -> str:
    return dict(CORPUS[name].headers).get("X-Status", "200 OK")


def answer(backend: Backend, api: str, name: str, mount: str) -> dict[str, Any]:
    """Replays one request of the corpus, and returns all that may be compared."""
    key = (backend.name, api, name, mount)
    if key not in _answers:
        server = backend.serve(
            Path(view.__file__), _ATTRIBUTES[api], api=api, mount=mount
        )
        request = CORPUS[name]
        target = mount + request.target
        if ".." in request.target and mount:
            target = f"{mount}/below/deep" + request.target
        _answers[key] = comparable(
            server.request(
                Request(
                    request.method,
                    target,
                    request.headers,
                    request.body,
                    request.length,
                    version=request.version,
                )
            )
        )
    return _answers[key]


def comparable(response: Response) -> dict[str, Any]:
    """Leaves out of a response what the definition of parity leaves out."""
    names = sorted({name for name, _ in response.headers} - _OWN)
    # A length is framing; the body itself is compared.
    fields = {name: response.all(name) for name in names if name != "content-length"}
    return {
        "status": response.status,
        "reason": response.reason,
        "complete": response.complete,
        "fields": fields,
        "body": json.loads(response.body) if response.body else None,
    }
