"""Loads the plugin of the Python suite for the real applications too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))

from support import plugin


def pytest_addoption(
    parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager
) -> None:
    """Registers the plugin, which brings its own options."""
    if not pluginmanager.hasplugin(plugin.NAME):
        pluginmanager.register(plugin, plugin.NAME)
