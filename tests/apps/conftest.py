"""Loads the plugin of the suite, once, whichever folders a run names."""

from __future__ import annotations

import pytest

from support import plugin


def pytest_addoption(
    parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager
) -> None:
    """Registers the plugin, which brings its own options."""
    if not pluginmanager.hasplugin(plugin.NAME):
        pluginmanager.register(plugin, plugin.NAME)
