"""What a person is told of an application that cannot be had: one problem each.

Nothing here is imported unless something is wrong.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narthex import _api, _load
from narthex._frames import say, trace, user_frames
from narthex._import_errors import import_failed as import_failed
from narthex._import_errors import missing_dependency, near
from narthex._problem import Problem

if TYPE_CHECKING:
    from types import ModuleType

    from narthex._load import Spec


def form(spec: Spec) -> Problem:
    """The application is named in a way that cannot be read."""
    return Problem(
        "N116",
        f"{spec.text!r} does not name an application",
        (),
        (
            "write module:attribute, module, file.py, file.py:attribute,",
            'module:factory("argument") or a directory',
        ),
    )


def not_literal(spec: Spec) -> Problem:
    """A factory's arguments are no literals."""
    return Problem(
        "N117",
        f"the arguments of the factory cannot be read: ({spec.call})",
        (),
        ("write literals: strings in quotes, numbers, True, None, lists, dicts",),
    )


def no_file(spec: Spec, path: str) -> Problem:
    """The file is not there."""
    directory = Path(path).parent
    details = []
    fixes = [f"check the path; it is taken from {Path.cwd()}"]
    if directory.is_dir():
        close = near(Path(path).name, (entry.name for entry in directory.iterdir()))
        if close:
            fixes.insert(0, f"did you mean {' or '.join(close)}?")
    else:
        details.append(f"There is no directory {directory}.")
    return Problem("N108", f"there is no file {spec.target}", details, fixes)


def unreadable(spec: Spec, path: str, error: OSError | None) -> Problem:
    """The file or directory may not be read."""
    reason = error.strerror if error else "permission denied"
    details = [f"{path}: {reason}"]
    try:
        status = Path(path).stat()
        details.append(
            f"Its owner is user {status.st_uid}, its mode {status.st_mode & 0o7777:o}; "
            f"this process is user {os.geteuid()}."
        )
    except OSError:
        pass
    return Problem(
        "N109",
        f"{spec.target} cannot be read",
        details,
        (f"let this user read it: chmod a+r {path}",),
    )


def empty_directory(spec: Spec, directory: str, names: list[str]) -> Problem:
    """A directory without an application in a usual place."""
    wanted = ", ".join(_load.FILES)
    sources = [name for name in names if name.endswith(".py") and name != "setup.py"]
    details = [f"Looked in {directory} for {wanted}, and for one */wsgi.py."]
    if sources:
        details.append(f"It has: {', '.join(sources[:8])}")
        fix = f"name the file: {Path(spec.target, sources[0])}"
    else:
        fix = "name the file or module that has the application"
    return Problem("N107", f"no application found in {spec.target}", details, (fix,))


def no_attribute(spec: Spec, module: ModuleType, owner: Any, word: str) -> Problem:
    """The module, or an object in it, lacks the attribute."""
    details = [f"The module is {_file_of(module)}."]
    names = [name for name in dir(owner) if not name.startswith("_")]
    close = near(word, names)
    if owner is module:
        details += _candidates(module)
        title = f"module {module.__name__!r} has no attribute {word!r}"
    else:
        title = (
            f"{type(owner).__name__} object in {spec.text!r} has no attribute {word!r}"
        )
    if close:
        fix = f"did you mean {spec.target}:{close[0]}?"
    else:
        fix = "name one of what the module defines"
    return Problem("N102", title, details, (fix,))


def no_application(spec: Spec, module: ModuleType) -> Problem:
    """Nothing in the module has a name that applications have."""
    details = [
        f"The module is {_file_of(module)}.",
        f"Looked for: {', '.join(_load.ATTRIBUTES)}.",
    ]
    candidates = _candidates(module)
    found = [line.split()[0] for line in candidates[1:]]
    example = found[0] if found else "app"
    return Problem(
        "N107",
        f"no application found in module {module.__name__!r}",
        details + candidates,
        (f"name the attribute: {spec.target}:{example}",),
    )


def not_callable(spec: Spec, name: str, found: Any) -> Problem:
    """What was named is no application at all."""
    kind = type(found).__name__
    details = []
    module = sys.modules.get(name.partition(":")[0])
    if module is not None:
        details = [f"The module is {_file_of(module)}.", *_candidates(module)]
    fix = "name a callable, or an object with a method `respond`"
    if found is None:
        fix = "a factory has to return the application; this gave None"
    return Problem(
        "N110",
        f"{name} is no application: {kind} objects cannot be called",
        details,
        (fix,),
    )


def unclear(spec: Spec, name: str, found: Any, reason: str) -> Problem:
    """A callable that no API calls so, or a factory that needs arguments."""
    details = [place for place in (_defined(found),) if place]
    if "factory" in reason:
        return Problem(
            "N111",
            f"{name} cannot be called: {reason}",
            details,
            (f'give literal arguments: {spec.target}:{name.partition(":")[2]}("...")',),
        )
    return Problem(
        "N112",
        f"it is not clear how to call {name}: {reason}",
        details,
        (
            "say it by --api wsgi or --api transaction;",
            "WSGI is called with (environ, start_response), the native API with (t)",
        ),
    )


def asgi(spec: Spec, name: str, found: Any) -> Problem:
    """An ASGI application."""
    details = [place for place in (_defined(found),) if place]
    details.append("ASGI is recognised, but this version does not serve it yet.")
    return Problem(
        "N113",
        f"{name} is an ASGI application",
        details,
        (
            "this version serves WSGI (Flask, Django's wsgi.py) and the native API;",
            "where the framework has both, name its WSGI application",
        ),
    )


def factory_failed(spec: Spec, name: str, error: BaseException) -> Problem:
    """A factory did not give an application."""
    if isinstance(error, TypeError) and not user_frames(error.__traceback__):
        return Problem(
            "N111",
            f"the factory {name} does not take these arguments: {say(error)}",
            (),
            ("give it what it needs, as literals",),
        )
    if isinstance(error, ModuleNotFoundError) and error.name:
        return missing_dependency(error.name, str(Path.cwd()), error)
    return Problem(
        "N114",
        f"the factory {name} failed: {say(error)}",
        trace(error),
        ("correct the last line shown; nothing of narthex is involved",),
    )


def unexpected(error: BaseException) -> Problem:
    """Anything else that went wrong at the start."""
    return Problem("N199", f"the start failed: {say(error)}", trace(error), ())


def _candidates(module: ModuleType) -> list[str]:
    """What a module defines that might be an application, and how it is called."""
    lines = []
    for name, value in sorted(vars(module).items()):
        imported = getattr(value, "__module__", module.__name__) != module.__name__
        is_type_or_function = isinstance(value, type) or hasattr(value, "__code__")
        if name.startswith("_") or (imported and is_type_or_function):
            continue
        api, reason = _api.api_of(value, name)
        if api != _api.UNKNOWN:
            lines.append(f"  {name}  {api}: {reason}")
    if len(lines) > 8:
        lines[8:] = [f"  … and {len(lines) - 8} more"]
    return (
        ["It defines:", *lines] if lines else ["It defines nothing that can be called."]
    )


def _defined(found: Any) -> str:
    call = getattr(type(found), "__call__", None)  # noqa: B004
    code = getattr(found, "__code__", None) or getattr(call, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else ""


def _file_of(module: ModuleType) -> str:
    return str(getattr(module, "__file__", None) or module.__name__)
