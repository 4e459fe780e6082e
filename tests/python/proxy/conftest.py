"""What the tests of servers behind proxies have in common."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from command.conftest import project, start
from proxy import seen
from support.backends import BACKENDS, Backend
from support.messages import Request
from support.server import Server, SocketServer

__all__ = ["project", "start"]

_ATTRIBUTES = {"wsgi": "application", "transaction": "respond"}


class Site:
    """The application of `seen.py`, under one backend and one API."""

    def __init__(self, backend: Backend, api: str) -> None:
        """Remembers how to serve it."""
        self._backend = backend
        self._api = api

    def serve(self, *options: str, mount: str = "") -> SocketServer:
        """Serves it with these options."""
        server = self._backend.serve(
            Path(seen.__file__),
            _ATTRIBUTES[self._api],
            api=self._api,
            options=options,
            mount=mount,
        )
        assert isinstance(server, SocketServer)
        return server


def view(server: Server, *fields: tuple[str, str], target: str = "/") -> dict[str, Any]:
    """Sends one request; returns what the application saw."""
    return views(server, fields, target=target)[0]


def views(
    server: Server, *requests: Sequence[tuple[str, str]], target: str = "/"
) -> list[dict[str, Any]]:
    """Sends requests, one for each row of fields, on one connection."""
    sent = [Request("GET", target, tuple(fields)) for fields in requests]
    responses = server.conversation(*sent)
    assert {response.status for response in responses} == {200}
    return [json.loads(response.body) for response in responses]


@pytest.fixture(params=["hyper", "tiny-http"])
def listening(request: pytest.FixtureRequest) -> Backend:
    """A backend that listens; a gateway's proxy is the web server that starts it."""
    return next(backend for backend in BACKENDS if backend.name == request.param)


@pytest.fixture(params=_ATTRIBUTES)
def api(request: pytest.FixtureRequest) -> str:
    """The API of the application."""
    return str(request.param)


@pytest.fixture
def site(listening: Backend, api: str) -> Site:
    """The application, yet to be served."""
    return Site(listening, api)
