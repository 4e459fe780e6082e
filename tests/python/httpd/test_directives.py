"""Each directive in a configuration of its own: a folder in `directives`.

A folder has the lines of configuration in `httpd.conf`, applications, and what must
come of it in `expected`, step by step:

    GET /shop/a?b 200 TEXT    a request, its status, and what its body holds
    GET two.example/a 404     the same, asked from a host of that name
    GET ada:secret@/a 200     the same, by a user with a password
    POST:BODY / 200           the same, with a body
    until GET / 200 TEXT      the same, asked again until it is so
    log TEXT                  waits for a line of the error log that holds it
    replace FILE OLD NEW      changes a file

`${HERE}` is where the folder is then. A first line `# mpm NAME`, or `# modules NAME…`,
of the configuration says what it wants beside the usual.
"""

from __future__ import annotations

import base64
import re
import string
import sys
from pathlib import Path

import pytest

from httpd.site import Site, until

FOLDERS = sorted(path.parent for path in Path(__file__).parent.glob("*/*/expected"))


@pytest.mark.parametrize("files", FOLDERS, ids=[path.name for path in FOLDERS])
def test_a_directive(files: Path) -> None:
    lines = (files / "httpd.conf").read_text()
    with Site(lines, files=files, modules=wanted(lines, "modules")) as site:
        known = {"HERE": str(site.here), "PYTHON": sys.executable}
        for step in (files / "expected").read_text().splitlines():
            if step and not step.startswith("#"):
                take(site, string.Template(step).substitute(known))


def wanted(lines: str, what: str) -> list[str]:
    """The words behind `# what` in a configuration."""
    found = re.search(rf"^# {what} (.+)$", lines, re.MULTILINE)
    return found[1].split() if found else []


def take(site: Site, step: str) -> None:
    """Takes a step of `expected`."""
    word, _, rest = step.partition(" ")
    if word == "log":
        site.log.wait_for(re.escape(rest))
    elif word == "replace":
        name, old, new = rest.split(" ", 2)
        text = (site.here / name).read_text()
        assert old in text
        (site.here / name).write_text(text.replace(old, new))
    elif word == "until":
        until(lambda: answers(site, rest) is None, step)
    else:
        difference = answers(site, step)
        assert difference is None, f"{step}: {difference}"


def answers(site: Site, step: str) -> str | None:
    """Asks, and says how the answer differs from what is expected, if it does."""
    method, target, status, *text = step.split(" ", 3)
    authority, slash, path = target.partition("/")
    user, at, host = authority.rpartition("@")
    headers = [("Host", host)] if host else []
    if at:
        word = base64.b64encode(user.encode()).decode()
        headers.append(("Authorization", f"Basic {word}"))
    method, _, body = method.partition(":")
    response = site.ask(slash + path, method, headers, body.encode())
    right = response.status == int(status) and all(one in response.text for one in text)
    return None if right else f"{response.status}: {response.text}"
