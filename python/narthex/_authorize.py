"""Functions that decide for a web server who may pass: FastCGI's authorizers (6.3).

They are called by the API ``authorizer``, which httpd's module asks for:

``check(t, user, password)``
    Whether the password is that of the user: ``True``, ``False``, or ``None`` for a
    user that it does not know.
``may(t)``
    Whether the request may pass: ``True`` or ``False``.

Both may be coroutine functions. What else they return is an error, as what they raise
is. The answer to the web server is the status of a response.
"""

from __future__ import annotations

import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import Any

    from narthex._narthex import Transaction

# What httpd's module asks, in adapters/mod_narthex/src/auth.rs.
_QUESTION, _USER, _PASSWORD = "NARTHEX_QUESTION", "NARTHEX_USER", "NARTHEX_PASSWORD"
_GRANTED, _DENIED, _UNKNOWN = 200, 403, 404


class Authorizer:
    """A function that decides, as an application."""

    __slots__ = ("_function",)

    def __init__(self, function: Any) -> None:
        self._function = function

    def respond(self, t: Transaction) -> None:
        """Asks the function, and says by the status what it has said."""
        asked = t.native.variables
        about_a_password = asked.get(_QUESTION) == "password"
        if about_a_password:
            said = self._function(t, asked[_USER], asked[_PASSWORD])
        else:
            said = self._function(t)
        if hasattr(said, "__await__"):
            said = _awaited(said)
        if said is True:
            t.status = _GRANTED
        elif said is False:
            t.status = _DENIED
        elif said is None and about_a_password:
            t.status = _UNKNOWN
        else:
            name = getattr(self._function, "__qualname__", repr(self._function))
            allowed = "True, False or None" if about_a_password else "True or False"
            raise TypeError(f"{name} returned {said!r}, and is to return {allowed}")


# The event loop of each thread, kept for what coroutines keep with it.
_thread = threading.local()


def _awaited(awaitable: Awaitable[Any]) -> Any:
    loop = getattr(_thread, "loop", None)
    if loop is None:
        import asyncio

        loop = _thread.loop = asyncio.new_event_loop()

    async def wait() -> Any:
        return await awaitable

    return loop.run_until_complete(wait())
