"""Finds out how an application wants to be called, without calling it.

:mod:`inspect` costs a CGI program milliseconds at each request: it is asked only where
the code object does not tell.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

TRANSACTION = "transaction"
WSGI = "wsgi"
ASGI = "asgi"
FACTORY = "factory"
UNKNOWN = "unknown"

_COROUTINE = 0x80  # inspect.CO_COROUTINE
_VARIABLE = 0x04  # inspect.CO_VARARGS
_ANY_NUMBER = 1 << 16


def api_of(candidate: Any, name: str = "") -> tuple[str, str]:
    """How ``candidate`` wants to be called, and how one can tell.

    Returns:
        One of the API names, ``factory`` or ``unknown``; and the reason.
    """
    if not isinstance(candidate, type) and callable(
        getattr(candidate, "respond", None)
    ):
        return TRANSACTION, "it has a method `respond`"
    if not callable(candidate):
        return UNKNOWN, f"{type(candidate).__name__} objects cannot be called"
    shape = _shape(candidate)
    if shape is None:
        return UNKNOWN, "its signature cannot be read"
    required, most, coroutine = shape
    makes = name.rpartition(":")[2].rpartition(".")[2] in ("create_app", "make_app")
    kind = "class" if isinstance(candidate, type) else "callable"
    if coroutine:
        if required <= 3 <= most:
            return ASGI, "it is a coroutine function taking three arguments"
        return UNKNOWN, f"it is a coroutine function taking {_count(required, most)}"
    if required == 0 and (makes or most < _ANY_NUMBER):
        return FACTORY, f"it is a {kind} that needs no argument"
    if makes or (kind == "class" and required == 1):
        return UNKNOWN, f"it is a factory that needs {_count(required, required)}"
    if required == 2 or required == 0:
        return WSGI, f"it is a {kind} taking {_count(required, most)}"
    if required == 1:
        return TRANSACTION, f"it is a {kind} taking {_count(required, most)}"
    return UNKNOWN, f"it takes {_count(required, most)}, and no API calls it so"


def _count(required: int, most: int) -> str:
    words = ("no argument", "one argument", "two arguments", "three arguments")
    if most >= _ANY_NUMBER:
        return f"any number of arguments from {required}"
    if required == most:
        return words[most] if most < len(words) else f"{most} arguments"
    return f"{required} to {most} arguments"


def _shape(candidate: Any) -> tuple[int, int, bool] | None:
    """The least and greatest number of positionals, and whether it is a coroutine."""
    bound = 0
    function = candidate
    for _ in range(32):  # wrappers may form a ring
        if isinstance(function, type):
            if function.__init__ is object.__init__:  # type: ignore[misc]
                return _signature(function)
            function, bound = function.__init__, 1  # type: ignore[misc]
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        elif hasattr(function, "__func__") and hasattr(function, "__self__"):
            function, bound = function.__func__, bound + 1
        elif hasattr(function, "__code__"):
            break
        else:
            method = getattr(type(function), "__call__", None)  # noqa: B004
            if not hasattr(method, "__code__") and not hasattr(method, "__wrapped__"):
                return _signature(function)
            function, bound = method, bound + 1
    code: CodeType | None = getattr(function, "__code__", None)
    if code is None:
        return _signature(candidate)
    keyword_defaults = getattr(function, "__kwdefaults__", None) or {}
    if code.co_kwonlyargcount > len(keyword_defaults):
        return _signature(candidate)
    defaults = len(getattr(function, "__defaults__", None) or ())
    most = max(code.co_argcount - bound, 0)
    required = max(most - defaults, 0)
    if code.co_flags & _VARIABLE:
        most = _ANY_NUMBER
    return required, most, bool(code.co_flags & _COROUTINE)


def _signature(candidate: Any) -> tuple[int, int, bool] | None:
    """What :mod:`inspect` says: for partials, builtins and other rare things."""
    import inspect

    try:
        parameters = inspect.signature(candidate).parameters.values()
    except (TypeError, ValueError):
        return None
    required = most = 0
    for parameter in parameters:
        needed = parameter.default is parameter.empty
        if parameter.kind is parameter.VAR_POSITIONAL:
            most = _ANY_NUMBER
        elif parameter.kind is parameter.KEYWORD_ONLY and needed:
            return None
        elif parameter.kind in (
            parameter.POSITIONAL_ONLY,
            parameter.POSITIONAL_OR_KEYWORD,
        ):
            required, most = required + needed, most + 1
    call = getattr(candidate, "__call__", None)  # noqa: B004
    coroutine = inspect.iscoroutinefunction(candidate) or (
        not isinstance(candidate, type) and inspect.iscoroutinefunction(call)
    )
    return required, most, coroutine
