"""Loads the plugin of the suite, once, whichever folders a run names."""

from __future__ import annotations

import pytest

from support import plugin
from support.backends import Backend

# One for each protocol, and those that have no web server in front: what the
# applications do that depends on more than the protocol, tests/python has tried.
USUAL = frozenset(
    {
        "hyper",
        "tiny-http",
        "cgi",
        "cgi-warm",
        "nginx-fastcgi",
        "nginx-scgi",
        "nginx-uwsgi",
        "apache-event-inline",
    }
)


def pytest_addoption(
    parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager
) -> None:
    """Registers the plugin, which brings its own options."""
    if not pluginmanager.hasplugin(plugin.NAME):
        pluginmanager.register(plugin, plugin.NAME)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves the other backends to full runs."""
    for item in items:
        callspec = getattr(item, "callspec", None)
        backend = callspec.params.get("backend") if callspec else None
        if isinstance(backend, Backend) and backend.name not in USUAL:
            item.add_marker(pytest.mark.full)
