"""Applications of every shape, and what is none."""

from __future__ import annotations

import functools
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from narthex import Transaction


class Site:
    """An object that responds."""

    def __init__(self, greeting: str) -> None:
        self.greeting = greeting

    def respond(self, t: Transaction) -> str:
        """Answers a request."""
        return f"{self.greeting} {t.query['who']}"


class Callable:
    """An object that is called."""

    def __call__(self, t: Transaction) -> str:
        """Answers a request."""
        return f"called {t.query['who']}"


def greet(greeting: str, t: Transaction) -> str:
    """Answers a request, given a greeting."""
    return f"{greeting} {t.query['who']}"


respond = Site("responds to")
called = Callable()
partial = functools.partial(greet, "greets")


async def coroutine(t: Transaction) -> str:
    """Is asynchronous."""
    return "never"


class AsyncSite:
    """An object that responds asynchronously."""

    async def respond(self, t: Transaction) -> str:
        """Is asynchronous."""
        return "never"


class AsyncCallable:
    """An object that is called asynchronously."""

    async def __call__(self, t: Transaction) -> str:
        """Is asynchronous."""
        return "never"


async def generator(t: Transaction) -> AsyncIterator[str]:
    """Is asynchronous."""
    yield "never"


async_respond = AsyncSite()
async_call = AsyncCallable()
number = 7

inside = 0
most = 0
lock = threading.Lock()


def alone(t: Transaction) -> Iterator[str]:
    """Says how many requests were in here at once."""
    global inside, most
    with lock:
        inside += 1
        most = max(most, inside)
    time.sleep(0.02)
    yield "at most "
    time.sleep(0.02)
    with lock:
        inside -= 1
    yield str(most)
