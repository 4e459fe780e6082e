"""What the tests of the native API have in common."""

from __future__ import annotations

import pytest

from native.site import Site, serve
from support.backends import Backend


@pytest.fixture
def site(backend: Backend) -> Site:
    """The application of most tests, under each backend."""
    return serve(backend, "everything")
