"""Many small WSGI applications in one: the request's `X-Case` field chooses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

Environ = dict[str, Any]
PLAIN = [("Content-Type", "text/plain")]


class Cases:
    """A WSGI application made of others, by name."""

    def __init__(self) -> None:
        """Knows one case, `plain`, which shows that the server lives."""
        self._cases: dict[str, Callable[..., Any]] = {"plain": _plain}

    def __call__(
        self, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Hands the request to the case that it names."""
        case = self._cases[environ["HTTP_X_CASE"]]
        response: Iterable[bytes] = case(environ, start_response)
        return response

    def case(self, application: Callable[..., Any]) -> Callable[..., Any]:
        """Adds an application under its function's name; a decorator."""
        return self.named(application.__name__, application)

    def named(
        self, name: str, application: Callable[..., Any] | WSGIApplication
    ) -> Callable[..., Any]:
        """Adds an application under `name`."""
        self._cases[name] = application
        return application

    def names(self) -> list[str]:
        """Lists the cases."""
        return list(self._cases)


def _plain(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", PLAIN)
    return [b"plain"]


def log(environ: Environ, line: str) -> None:
    """Writes a line to the server's log."""
    environ["wsgi.errors"].write(line + "\n")
    environ["wsgi.errors"].flush()


def read_to_end(environ: Environ) -> bytes:
    """Reads the rest of the request body."""
    body: bytes = environ["wsgi.input"].read()
    return body


class Closing:
    """A response body that says in the log when it is closed."""

    def __init__(self, environ: Environ, chunks: Iterable[bytes]) -> None:
        """Takes what to yield; `X-Token` names the request in the log."""
        self._environ = environ
        self._chunks = iter(chunks)

    def __iter__(self) -> Closing:
        """Returns itself."""
        return self

    def __next__(self) -> bytes:
        """Yields the next chunk."""
        return next(self._chunks)

    def close(self) -> None:
        """Logs that it was called."""
        log(self._environ, f"closed {self._environ['HTTP_X_TOKEN']}")
