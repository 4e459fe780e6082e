"""An application of the native API that answers, under whatever backend."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from support.backends import Backend
from support.client import ClosedError
from support.messages import Request, Response
from support.server import Server

APPLICATIONS = Path(__file__).parent / "applications"


@dataclass(frozen=True)
class Site:
    """A served application.

    Attributes:
        backend: What the suite calls that which serves it.
        protocol: What the command calls it.
        server: Answers.
    """

    backend: str
    protocol: str
    server: Server

    def ask(
        self,
        target: str,
        method: str = "GET",
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Response:
        """Sends a request and receives the response."""
        return self.server.request(Request(method, target, tuple(headers), body))

    def wait_for_log(self, text: str, mark: int = 0) -> None:
        """Waits until a line of the log holds `text`."""
        self.server.log.wait_for(re.escape(text), mark)

    def assert_cut(self, target: str, sent: bytes) -> None:
        """Checks that a response with `sent` as its body cannot be believed whole.

        A server may still hold back what it was given when the application fails: then
        the client sees less of it, or nothing but a closed connection.
        """
        try:
            response = self.ask(target)
        except ClosedError:
            return
        assert response.status == 200
        assert sent.startswith(response.body)
        assert (
            not response.complete or "truncation" not in self.server.served.capabilities
        )


def serve(backend: Backend, name: str, *options: str) -> Site:
    """Serves `file:attribute` of our applications."""
    file, _, attribute = name.partition(":")
    server = backend.serve(
        APPLICATIONS / f"{file}.py",
        attribute or "app",
        api="transaction",
        options=options,
    )
    return Site(backend.name, backend.protocol, server)
