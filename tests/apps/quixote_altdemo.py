"""Quixote's demo of sessions, unchanged, as WSGI."""

from __future__ import annotations

from quixote.demo.altdemo import create_publisher  # type: ignore[import-untyped]
from quixote.wsgi import QWIP  # type: ignore[import-untyped]

application = QWIP(create_publisher())
