"""Quixote's demo, unchanged, as WSGI."""

from __future__ import annotations

from quixote.demo import create_publisher
from quixote.wsgi import QWIP

application = QWIP(create_publisher())
