"""Uses of the native API that a type checker must understand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import assert_type

from narthex import BadRequest, Native, Transaction, native

if TYPE_CHECKING:
    from collections.abc import Iterator


def read(t: Transaction) -> dict[str, str | None]:
    """Reads a request."""
    assert_type(t.headers.get("host"), "str | None")
    assert_type(t.headers.get("host", ""), str)
    assert_type(t.query.get("x", 7), "str | int")
    assert_type(t.body.readline(), bytes)
    assert_type(t.client, "tuple[str, int | None] | None")
    assert_type(t.native, Native)
    assert_type(t.native.variables.get("SSL_PROTOCOL"), "str | None")
    t.native.notes["a"] = t.native.user or "nobody"
    t.native.log("notice", native({}).name)
    return {name: t.headers[name] for name in t.headers}


def answer(t: Transaction) -> Iterator[str | bytes]:
    """Makes a response."""
    t.status = 201
    t.reason = "Made"
    t.content_type = None
    t.reason = None
    assert_type(t.reason, str)
    t.response.headers["x-a"] = "b"
    del t.response.headers["x-a"]
    yield from t.body
    yield "end"


def refuse(t: Transaction) -> int:
    """Ends a handler: no return is missed after it."""
    try:
        return len(t.text())
    except BadRequest as error:
        t.abort(error.status)
