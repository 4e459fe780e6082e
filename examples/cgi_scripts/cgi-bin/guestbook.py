#!/usr/bin/env python3
"""A form and its answer, by the standard library alone."""

from __future__ import annotations

import html
import os
import sys
from urllib.parse import parse_qs

FORM = '<form method="post"><input name="who"><button>Greet</button></form>'


def main() -> None:
    """Answers one request."""
    length = int(os.environ.get("CONTENT_LENGTH") or 0)
    fields = parse_qs(sys.stdin.read(length))
    print("Content-Type: text/html; charset=utf-8\n")
    if "who" in fields:
        print(f"<p>Hello, {html.escape(fields['who'][0])}!</p>")
    else:
        print(FORM)


if __name__ == "__main__":
    main()
