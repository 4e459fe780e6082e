"""An application with a path for each thing that the native API does."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from narthex import Abort, Disconnected, NotAvailable, ProtocolError, Transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HANDLERS: dict[str, Callable[[Transaction], Any]] = {}
KEPT: list[Transaction] = []


def page(handler: Callable[[Transaction], Any]) -> Callable[[Transaction], Any]:
    """Puts a handler at the path of its name."""
    HANDLERS[handler.__name__] = handler
    return handler


def app(t: Transaction) -> Any:
    """Calls the handler that the first segment of the path names."""
    handler = HANDLERS.get(t.path_info.split("/")[1])
    if handler is None:
        t.abort(404, "there is no such page")
    return handler(t)


# What a handler returns.


@page
def text(t: Transaction) -> str:
    return "Grüße"


@page
def octets(t: Transaction) -> bytes:
    return b"\x00\xff"


@page
def mapping(t: Transaction) -> dict[str, Any]:
    return {"grüße": [1, None, True]}


@page
def sequence(t: Transaction) -> list[int]:
    return [1, 2]


@page
def nothing(t: Transaction) -> None:
    return None


@page
def html(t: Transaction) -> str:
    t.content_type = "text/html"
    return "<p>"


@page
def written_and_returned(t: Transaction) -> str:
    t.write("a")
    t.write(b"b")
    t.write(bytearray(b"c"))
    t.write(memoryview(b"d"))
    return "e"


@page
def generated(t: Transaction) -> Iterator[str | bytes]:
    t.status = 201
    t.response.headers["X-Set"] = "before the first piece"
    yield ""
    yield "a"
    t.write("b")
    yield b"c"


@page
def empty_generator(t: Transaction) -> Iterator[str]:
    t.status = 204
    yield from ()


@page
def not_json(t: Transaction) -> dict[str, float]:
    return {"x": float("nan")}


@page
def number(t: Transaction) -> int:
    return 7


@page
def coroutine(t: Transaction) -> Any:
    async def later() -> str:
        return "later"

    return later()


@page
def wrong_piece(t: Transaction) -> Iterator[Any]:
    yield "right"
    yield 7


# What a request says.


@page
def request(t: Transaction) -> dict[str, Any]:
    return {
        "method": t.method,
        "path": ascii(t.path),
        "mount": t.mount,
        "path_info": ascii(t.path_info),
        "raw_path": t.raw_path.decode("latin-1"),
        "url": t.url,
        "scheme": t.scheme,
        "client": t.client,
        "server": t.server,
        "http_version": t.http_version,
        "backend": t.backend.name,
        "capabilities": sorted(t.backend.capabilities),
        "gateway": t.native.variables.get("REQUEST_METHOD", False),
    }


@page
def native(t: Transaction) -> dict[str, Any]:
    it = t.native
    it.log("warning", "said so by the application")
    seen: dict[str, Any] = {
        "name": it.name,
        "user": it.user,
        "auth_type": it.auth_type,
        "tls": it.tls("SSL_PROTOCOL"),
    }

    def change() -> str:
        it.notes["mine"] = "a note"
        return it.notes["mine"]

    def user() -> str | None:
        it.user, it.auth_type = "alice", "Mine"
        return it.user

    def used(use: Callable[[], object]) -> object:
        try:
            return use()
        except NotAvailable as error:
            return f"{error.name} {error.backend} {error}"

    return {
        **seen,
        "notes_used": used(change),
        "user_used": used(user),
        "server_used": used(lambda: it.server["mpm"]),
        "request_used": used(lambda: it.request["uri"]),
        "lookup_used": used(lambda: it.lookup("/nothing").status),
    }


@page
def native_file(t: Transaction) -> Iterator[bytes]:
    t.content_type = "text/x-python"
    return t.native.send_file(__file__)


@page
def native_redirect(t: Transaction) -> str:
    try:
        t.native.redirect("/native_target?x=1")
    except NotAvailable as error:
        return str(error)
    return "nobody sees this"


@page
def native_target(t: Transaction) -> str:
    return f"{t.method} {t.path_info} {t.query.get('x')}"


@page
def query(t: Transaction) -> dict[str, Any]:
    return {
        "items": t.query.items(),
        "names": list(t.query),
        "keys": t.query.keys(),
        "values": t.query.values(),
        "length": len(t.query),
        "first": t.query.get("x"),
        "all": t.query.get_all("x"),
        "none": t.query.get("none"),
        "default": t.query.get("none", "default"),
        "contains": ["x" in t.query, "none" in t.query, 7 in t.query],
        "raw": t.query.raw.decode("latin-1"),
        "same": t.query is t.query,
        "dict": dict(t.query),
    }


@page
def headers(t: Transaction) -> dict[str, Any]:
    mine = [(name, value) for name, value in t.headers.items() if name[:2] == "x-"]
    return {
        "items": mine,
        "names": [name for name in t.headers if name[:2] == "x-"],
        "joined": t.headers.get("X-Twice"),
        "all": t.headers.get_all("x-twice"),
        "cookie": t.headers.get("Cookie"),
        "latin": t.headers.get("x-latin"),
        "raw": dict(t.headers.raw).get(b"x-latin", b"").decode("latin-1"),
        "none": t.headers.get("x-none"),
        "default": t.headers.get("x-none", 7),
        "contains": ["X-TWICE" in t.headers, "x-none" in t.headers, 7 in t.headers],
        "length": len(t.headers) == len(t.headers.keys()),
    }


@page
def missing(t: Transaction) -> list[str]:
    said = []
    for view in (t.headers, t.query, t.response.headers):
        with contextlib.suppress(KeyError):
            said.append(view["X-None"])
    with contextlib.suppress(KeyError):
        del t.response.headers["X-None"]
        said.append("deleted")
    return said


# The body of a request.


@page
def body(t: Transaction) -> dict[str, Any]:
    return {
        "line": t.body.readline().decode(),
        "part": t.body.readline(3).decode(),
        "three": t.read(3).decode(),
        "none": t.read(0).decode(),
        "two": t.body.read(2).decode(),
        "pieces": b"".join(t.body).decode(),
        "end": [t.read().decode(), t.body.readline().decode(), list(t.body)],
    }


@page
def length(t: Transaction) -> str:
    return str(len(t.read()))


@page
def echo(t: Transaction) -> Iterator[bytes]:
    t.content_type = "application/octet-stream"
    yield from t.body


@page
def body_text(t: Transaction) -> str:
    return t.text()


@page
def body_json(t: Transaction) -> Any:
    return [t.json()]


# The response.


@page
def status(t: Transaction) -> str:
    t.status = 418
    t.reason = "Ein kleiner Topf für Tee"
    return f"{t.status} {t.response.reason}"


@page
def fields(t: Transaction) -> list[Any]:
    mine = t.response.headers
    mine["X-A"] = "1"
    mine["x-a"] = "2"
    mine.add("X-B", "1")
    mine.add("x-b", "2")
    mine["X-Gone"] = "x"
    del mine["x-gone"]
    mine.setdefault("X-C", "1")
    mine.setdefault("X-C", "2")
    mine["X-Latin"] = "Grüße"
    return [mine["X-B"], mine.get_all("x-b"), mine.items(), "x-gone" in mine]


@page
def redirect(t: Transaction) -> None:
    t.write("dropped")
    t.response.headers["X-Kept"] = "1"
    return t.redirect("/grüße und mehr?x=%20", 303)


@page
def abort(t: Transaction) -> None:
    t.write("dropped")
    t.response.headers["X-Dropped"] = "1"
    t.abort(403)


@page
def raised(t: Transaction) -> Iterator[str]:
    raise Abort(409, "in a generator")
    yield "never"


@page
def caught(t: Transaction) -> str:
    try:
        t.abort(410, "gone")
    except Abort as abort:
        return f"{abort.status} {abort.text} / {abort}"


@page
def reset(t: Transaction) -> str:
    t.status = 201
    t.response.headers["X-Dropped"] = "1"
    t.write(b"dropped")
    t.reset()
    return f"{t.status}"


@page
def early(t: Transaction) -> str:
    t.write("a")
    said: list[Any] = [t.started]
    t.start()
    said.append(t.started)
    changes: tuple[Callable[[], object], ...] = (
        lambda: setattr(t, "status", 404),
        lambda: setattr(t.response, "reason", "no"),
        lambda: setattr(t, "content_type", "no/no"),
        lambda: t.response.headers.add("x-a", "1"),
        lambda: t.redirect("/"),
        t.reset,
    )
    for change in changes:
        with contextlib.suppress(ProtocolError):
            change()
            said.append("changed")
    t.write("b")
    t.flush()
    return f"{said}"


@page
def large(t: Transaction) -> str:
    for number in range(30):
        t.write(bytes([65 + number % 26]) * 100_000)
    return "started" if t.started else "not started"


@page
def large_piece(t: Transaction) -> bytes:
    t.write("x")
    return b"y" * 3_000_000


def anything(value: object) -> Any:
    """A value that no type checker objects to."""
    return value


def outcome(change: Callable[[], object]) -> str:
    """What comes of a change that should be refused."""
    try:
        change()
    except ValueError as error:
        return str(error)
    except TypeError:
        return "type"
    return "accepted"


@page
def refused(t: Transaction) -> list[str]:
    mine = t.response.headers
    changes: tuple[Callable[[], object], ...] = (
        lambda: mine.add("a b", "c"),
        lambda: mine.add("", "c"),
        lambda: mine.add("a", "b\r\nc: d"),
        lambda: mine.__setitem__("a", "b\nc"),
        lambda: mine.__setitem__("a", "b\0"),
        lambda: mine.__setitem__("a\r\nb", "c"),
        lambda: mine.__setitem__("a", "\u20ac"),
        lambda: setattr(t, "content_type", "a\r\nb"),
        lambda: setattr(t, "reason", "a\nb"),
        lambda: setattr(t, "reason", "\u20ac"),
        lambda: setattr(t, "status", 100),
        lambda: setattr(t, "status", 1000),
        lambda: t.redirect("/\r\nx: y"),
        lambda: t.redirect("/", 200),
        lambda: t.abort(200),
        lambda: t.write(anything(7)),
        lambda: t.write(anything(None)),
        lambda: setattr(t, "status", "200"),
        lambda: setattr(t, "reason", 7),
        lambda: mine.__setitem__("a", anything(7)),
        lambda: mine.__setitem__("a", anything(b"b")),
    )
    return [outcome(change) for change in changes]


# Failures.


@page
def failure(t: Transaction) -> None:
    t.write("never seen")
    raise LookupError("failed on purpose")


@page
def late_failure(t: Transaction) -> None:
    t.write("seen")
    t.flush()
    raise LookupError("failed after the head")


@page
def generator_failure(t: Transaction) -> Iterator[str]:
    yield "seen"
    raise LookupError("failed between pieces")


@page
def leaving(t: Transaction) -> None:
    sys.exit(3)


@page
def interrupted(t: Transaction) -> None:
    raise KeyboardInterrupt


@page
def surrogate(t: Transaction) -> str:
    return "\udc80"


@page
def closed(t: Transaction) -> Iterator[str]:
    try:
        yield "piece"
    finally:
        print("closed", t.query["name"], file=sys.stderr, flush=True)


@page
def close_fails(t: Transaction) -> Pieces:
    return Pieces()


class Pieces:
    """An iterator whose end fails."""

    def __init__(self) -> None:
        self.left = ["a", "b"]

    def __iter__(self) -> Pieces:
        return self

    def __next__(self) -> str:
        if not self.left:
            raise StopIteration
        return self.left.pop(0)

    def close(self) -> None:
        raise LookupError("failed while closing")


@page
def endless(t: Transaction) -> Iterator[bytes]:
    try:
        while True:
            yield b"x" * 65536
    finally:
        print("endless closed", file=sys.stderr, flush=True)


@page
def endless_writes(t: Transaction) -> None:
    try:
        while True:
            t.write(b"x" * 65536)
    except Disconnected as error:
        print("gone", isinstance(error, OSError), file=sys.stderr, flush=True)
        raise


@page
def keep(t: Transaction) -> str:
    KEPT.append(t)
    return t.path_info


@page
def kept(t: Transaction) -> list[str]:
    old = KEPT.pop()
    said = [old.path_info, old.headers["x-name"], old.method]
    uses: tuple[Callable[[], object], ...] = (
        lambda: old.write("x"),
        old.start,
        old.flush,
        old.reset,
        lambda: setattr(old, "status", 201),
        lambda: old.response.headers.add("a", "b"),
    )
    for use in uses:
        with contextlib.suppress(ProtocolError):
            use()
            said.append("used")
    return said
