"""Applications that show their environ."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from support.cases import PLAIN, Cases, Environ

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

application = Cases()


@application.case
def dump(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answers with every variable that is text, and the names of the others."""
    strings = {name: value for name, value in environ.items() if type(value) is str}
    facts = {
        "dict": type(environ) is dict,
        "names": all(type(name) is str for name in environ),
        "version": environ["wsgi.version"] == (1, 0)
        and type(environ["wsgi.version"]) is tuple,
        "latin": all(
            max(map(ord, value), default=0) < 256 for value in strings.values()
        ),
        "flags": {
            name: environ.get(f"wsgi.{name}")
            for name in ("multithread", "multiprocess", "run_once", "input_terminated")
        },
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"strings": strings, "facts": facts}).encode()]


@application.case
def spoil(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Changes its environ, which must not be seen by the next request."""
    seen = sorted(name for name in environ if name.startswith("spoilt."))
    environ["spoilt.key"] = "yes"
    environ["PATH_INFO"] = "/spoilt"
    del environ["SERVER_NAME"]
    environ.pop("wsgi.errors")
    start_response("200 OK", PLAIN)
    return [repr(seen).encode()]


@application.case
def errors(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Writes to the error stream in every way there is."""
    stream, token = environ["wsgi.errors"], environ["HTTP_X_TOKEN"]
    stream.write(f"write {token}\n")
    stream.writelines([f"writelines {token}\n", f"second {token}\n"])
    print(f"print {token}", file=stream)
    stream.write(f"split {token}")
    stream.flush()
    stream.write(f" joined {token}\n")
    stream.write(f"letters æ€\U0001f600 {token}\n")
    stream.flush()
    stream.write(f"unflushed {token}\n")
    start_response("200 OK", PLAIN)
    return [b"written"]
