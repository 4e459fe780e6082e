"""Server-sent events: each piece leaves as soon as it is made."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from narthex import Transaction


def app(t: Transaction) -> Iterator[str]:
    """Counts `to` a number, one event `every` so many seconds."""
    last = int(t.query.get("to", "10"))
    pause = float(t.query.get("every", "1"))
    t.content_type = "text/event-stream"
    return events(last, pause)


def events(last: int, pause: float) -> Iterator[str]:
    """Makes the events; closed by the server when the client goes away."""
    for number in range(1, last + 1):
        if number > 1:
            time.sleep(pause)
        yield f"data: {number}\n\n"
