"""An application that shows what it finds inside a host."""

from __future__ import annotations

import atexit
import json
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narthex import NotAvailable, Transaction, native

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse

print("imported")
atexit.register(print, "atexit")
signal.signal(signal.SIGTERM, lambda *_: None)


def _late() -> None:
    time.sleep(0.2)
    print("thread")


threading.Thread(target=_late).start()


def wsgi(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Answers by path."""
    path = environ["PATH_INFO"]
    start_response("200 Fine", [("Content-Type", "text/plain")])
    if path == "/exit":
        sys.exit("told to")
    if path == "/body":
        return [environ["wsgi.input"].read()]
    if path == "/pieces":
        return iter([b"a", b"b"])
    if path == "/half":
        return half()
    if path == "/file":
        return native(environ).send_file(__file__)
    if path == "/elsewhere":
        native(environ).redirect("/other?x=1")
        return [b"nobody sees this"]
    if path == "/native":
        return [json.dumps(show(native(environ))).encode()]
    if path == "/print":
        print("half a", end="")
        print(" line\nand", end="")
        environ["wsgi.errors"].write(" more")
    shown = {
        name: value for name, value in environ.items() if isinstance(value, (str, bool))
    }
    return [json.dumps(shown, sort_keys=True).encode()]


def half() -> Iterable[bytes]:
    """Fails in the middle."""
    yield b"half"
    raise ValueError


def transaction(t: Transaction) -> Any:
    """The same for the native API."""
    if t.path == "/elsewhere":
        t.native.redirect("/other")
        return "nobody sees this"
    if t.path == "/file":
        return t.native.send_file(Path(__file__))
    return show(t.native)


def show(it: Any) -> dict[str, Any]:
    """What an application can learn of its host."""
    it.notes["to"] = "a module"
    it.log("warning", "said so")
    refused = None

    def elsewhere() -> None:
        nonlocal refused
        try:
            it.notes  # noqa: B018
        except NotAvailable as error:
            refused = str(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    return {
        "name": it.name,
        "notes": dict(it.notes),
        "user": it.user,
        "server": dict(it.server),
        "lookup": it.lookup("/a")._asdict(),
        "tls": it.tls("SSL_PROTOCOL"),
        "elsewhere": refused,
    }
