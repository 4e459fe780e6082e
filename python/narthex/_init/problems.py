"""What is said when the files would not work."""

from __future__ import annotations

from typing import NoReturn

from narthex._load import StartError
from narthex._problem import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def fail(
    code: str, title: str, details: Iterable[str], fixes: Iterable[str]
) -> NoReturn:
    """Raises a problem."""
    raise StartError(Problem(code, title, details, fixes)) from None
