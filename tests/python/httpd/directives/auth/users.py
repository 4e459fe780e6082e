"""Functions that know some users."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from narthex import Transaction

PASSWORDS = {"ada": "secret", "grüße": "pass:wört", "empty": ""}


def check(t: Transaction, user: str, password: str) -> bool | None:
    """Whether it is right; what is not a user's is somebody else's."""
    if user == "raises":
        raise LookupError("no table of users")
    if user == "yes":
        return "yes"  # type: ignore[return-value]
    if user == "leaves":
        raise SystemExit("enough")
    if user not in PASSWORDS:
        return None
    if t.path.endswith("/closed"):
        return False
    t.response.headers.add("Variable-TEAM", "red")
    return PASSWORDS[user] == password


async def check_later(t: Transaction, user: str, password: str) -> bool | None:
    """The same, after a while."""
    await asyncio.sleep(0.001)
    return check(t, user, password)


class Users:
    """The same, as a method."""

    def check(self, t: Transaction, user: str, password: str) -> bool | None:
        """See the function."""
        return check(t, user, password)


users = Users()
