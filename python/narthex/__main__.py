"""Runs the command as ``python -m narthex``."""

from __future__ import annotations

from narthex._command import main

main()
