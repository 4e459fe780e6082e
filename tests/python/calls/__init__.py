"""Requests that the application holds for long: `--slow` and `--timeout`."""
