"""Finds and imports the application, and finds out how it wants to be called.

Under CGI all of this is paid for at each request: whatever is needed only when
something is wrong is imported then, and paths are handled by ``os.path``, since
``pathlib`` costs milliseconds.
"""

from __future__ import annotations

import os
import sys

from narthex._api import ASGI, FACTORY, TRANSACTION, UNKNOWN, WSGI, api_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, NoReturn

    from narthex._problem import Problem

ATTRIBUTES = (
    "app",
    "application",
    "api",
    "asgi",
    "wsgi",
    "handler",
    "site",
    "create_app",
    "make_app",
)
"""Where the application is looked for when its name is not given, in this order."""

FILES = ("app.py", "wsgi.py", "application.py", "main.py", "api.py", "asgi.py")
"""Where the application of a directory is looked for, in this order."""

AUTO = "auto"
AUTHORIZER = "authorizer"
"""The API of functions that decide for httpd; not for the command line."""


class StartError(Exception):
    """The application cannot be had; ``problem`` says why and what to do."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.title)
        self.problem = problem


class Loaded:
    """An application, ready to be called.

    Attributes:
        app: The application.
        api: The API it is called by.
        name: Where it is, as ``module:attribute``.
        notes: What was chosen, as ``(subject, choice, reason)``.
    """

    __slots__ = ("api", "app", "name", "notes")

    def __init__(self) -> None:
        self.app: Any = None
        self.api = UNKNOWN
        self.name = ""
        self.notes: list[tuple[str, str, str]] = []


class Spec:
    """What the user wrote for the application, taken apart.

    Attributes:
        text: As it was written.
        target: Module, file or directory.
        attribute: Dotted name within the module, or empty.
        call: Source of the arguments of a factory, without parentheses, or ``None``.
    """

    __slots__ = ("attribute", "call", "target", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        rest, self.call = text, None
        opening = text.find("(")
        if opening >= 0 and text.endswith(")"):
            rest, self.call = text[:opening], text[opening + 1 : -1]
        target, colon, attribute = rest.rpartition(":")
        # A directory or file may have a colon in its name.
        if not colon or os.path.exists(rest):
            target, attribute = rest, ""
        self.target, self.attribute = target, attribute
        words = attribute.split(".") if attribute else []
        if not target or (colon and not attribute and not os.path.exists(rest)):
            _fail("form", self)
        if not all(word.isidentifier() for word in words):
            _fail("form", self)
        if self.call is not None and not attribute:
            _fail("form", self)

    @property
    def is_path(self) -> bool:
        """Whether the target is a file or directory rather than a module."""
        target = self.target
        if os.sep in target or target in (".", ".."):
            return True
        return (
            target.endswith(".py")
            or os.path.isfile(target)  # such as app.fcgi, though it looks like a module
            or (os.path.exists(target) and not _is_module_name(target))
        )


def load(text: str, app_dir: str | None = None, api: str = AUTO) -> Loaded:
    """Imports the application.

    Args:
        text: ``module:attr``, ``module``, ``path.py``, ``path.py:attr``,
            ``module:factory("x")`` or a directory.
        app_dir: Where modules are looked for first; by default the current directory.
        api: How to call it, or ``auto``.

    Raises:
        StartError: It cannot be had.
    """
    loaded = Loaded()
    spec = Spec(text)
    root = os.path.abspath(app_dir or os.curdir)
    path = _path_of(spec, root)
    if path is not None and os.path.isdir(path):
        path = _file_in(path, spec, loaded)
    module = _import_name(spec, root) if path is None else _import_file(spec, path)
    attribute, found = _attribute(spec, module, loaded)
    loaded.name = f"{module.__name__}:{attribute}"
    if spec.call is not None:
        found = _call_literally(spec, found, loaded)
    _settle(spec, found, loaded, api)
    return loaded


def watched() -> list[str]:
    """The directories of the modules imported from outside the installation."""
    installation = [
        os.path.dirname(os.path.realpath(file)) for file in (os.__file__, __file__)
    ]
    found: dict[str, None] = {}
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str):
            continue
        if f"{os.sep}site-packages{os.sep}" in file or "dist-packages" in file:
            continue
        directory = os.path.dirname(os.path.realpath(file))
        if not any(
            directory == prefix or directory.startswith(prefix + os.sep)
            for prefix in installation
        ):
            found[directory] = None
    return list(found)


def _fail(kind: str, *facts: Any) -> NoReturn:
    """Raises the problem ``kind``; see the functions of that name."""
    from narthex import _start_errors

    raise StartError(getattr(_start_errors, kind)(*facts)) from None


def _is_module_name(text: str) -> bool:
    return all(word.isidentifier() for word in text.split("."))


def _path_of(spec: Spec, root: str) -> str | None:
    """The file or directory that is meant; ``None`` for a module."""
    if not spec.is_path:
        # A directory without a module's look, such as `examples`, is meant as one.
        inside = os.path.join(root, spec.target)
        if os.path.isdir(inside) and not spec.attribute and _is_bare(inside):
            return inside
        return None
    path = os.path.abspath(spec.target)
    if not os.path.exists(path):
        beside = os.path.join(root, spec.target)
        if not os.path.exists(beside):
            _fail("no_file", spec, path)
        path = beside
    return path


def _is_bare(directory: str) -> bool:
    return not os.path.exists(os.path.join(directory, "__init__.py"))


def _file_in(directory: str, spec: Spec, loaded: Loaded) -> str:
    """The file in ``directory`` that has the application."""
    for name in FILES:
        path = os.path.join(directory, name)
        if os.path.isfile(path):
            loaded.notes.append(("file", path, f"the directory has a file {name}"))
            return path
    # A Django project has its wsgi.py one level down.
    try:
        names = sorted(os.listdir(directory))
    except OSError as error:
        _fail("unreadable", spec, directory, error)
    nested = [
        path
        for name in names
        if os.path.isfile(path := os.path.join(directory, name, "wsgi.py"))
    ]
    if len(nested) == 1:
        loaded.notes.append(("file", nested[0], "the only wsgi.py one level down"))
        return nested[0]
    _fail("empty_directory", spec, directory, names)


def _import_name(spec: Spec, root: str) -> ModuleType:
    if not _is_module_name(spec.target):
        _fail("form", spec)
    if not sys.path or sys.path[0] != root:
        sys.path.insert(0, root)
    return _import(spec, spec.target, root)


def _import_file(spec: Spec, path: str) -> ModuleType:
    """Imports the file at ``path`` by the name that other modules know it by."""
    if not os.access(path, os.R_OK):
        _fail("unreadable", spec, path, None)
    root, file = os.path.split(path)
    stem, extension = os.path.splitext(file)
    words = [] if stem == "__init__" else [stem]
    while os.path.isfile(os.path.join(root, "__init__.py")):
        root, package = os.path.split(root)
        words.insert(0, package)
    # A Django project's wsgi.py imports its settings from beside manage.py.
    above = os.path.dirname(root)
    if stem == "wsgi" and os.path.isfile(os.path.join(above, "manage.py")):
        words.insert(0, os.path.basename(root))
        root = above
    if not sys.path or sys.path[0] != root:
        sys.path.insert(0, root)
    name = ".".join(words)
    known = sys.modules.get(name)
    if extension == ".py" and _is_module_name(name) and known is None:
        module = _import(spec, name, root)
        if _same_file(module, path):
            return module
    elif known is not None and _same_file(known, path):
        return known
    return _import_as(spec, path, stem)


def _same_file(module: ModuleType, path: str) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and os.path.realpath(file) == os.path.realpath(path)


def _import(spec: Spec, name: str, root: str) -> ModuleType:
    try:
        __import__(name)
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        _fail("import_failed", spec, name, root, error)
    return sys.modules[name]


def _import_as(spec: Spec, path: str, stem: str) -> ModuleType:
    """Imports a file whose name is no module's, or another module's."""
    from importlib.machinery import SourceFileLoader
    from importlib.util import module_from_spec, spec_from_file_location

    words = "".join(letter if letter.isalnum() else "_" for letter in stem)
    name = f"_narthex_{words}"
    loader = SourceFileLoader(name, path)
    file_spec = spec_from_file_location(name, path, loader=loader)
    if file_spec is None:
        _fail("no_file", spec, path)
    module = module_from_spec(file_spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        del sys.modules[name]
        _fail("import_failed", spec, name, os.path.dirname(path), error)
    return module


def _attribute(spec: Spec, module: ModuleType, loaded: Loaded) -> tuple[str, Any]:
    """The application's name in its module, and what it stands for."""
    if spec.attribute:
        found: Any = module
        for word in spec.attribute.split("."):
            try:
                found = getattr(found, word)
            except AttributeError:  # noqa: PERF203
                _fail("no_attribute", spec, module, found, word)
        loaded.notes.append(("object", spec.attribute, "it was named"))
        return spec.attribute, found
    for name in ATTRIBUTES:
        candidate = getattr(module, name, None)
        if callable(candidate) or callable(getattr(candidate, "respond", None)):
            order = ", ".join(ATTRIBUTES)
            loaded.notes.append(("object", name, f"the first callable of {order}"))
            return name, candidate
        if candidate is not None:
            kind = type(candidate).__name__
            loaded.notes.append(("passed over", name, f"it is a {kind}"))
    _fail("no_application", spec, module)


def _call_literally(spec: Spec, factory: Any, loaded: Loaded) -> Any:
    """Calls a factory with the literal arguments that were written."""
    import ast

    try:
        call = ast.parse(f"f({spec.call})", mode="eval").body
        if not isinstance(call, ast.Call):
            raise ValueError
        arguments = [ast.literal_eval(argument) for argument in call.args]
        keywords = {
            keyword.arg: ast.literal_eval(keyword.value)
            for keyword in call.keywords
            if keyword.arg is not None
        }
        if len(keywords) != len(call.keywords):
            raise ValueError
    except (SyntaxError, ValueError):
        _fail("not_literal", spec)
    if not callable(factory):
        _fail("not_callable", spec, loaded.name, factory)
    loaded.notes.append(("factory", f"{loaded.name}({spec.call})", "it was asked for"))
    return _call(spec, loaded, factory, arguments, keywords)


def _call(
    spec: Spec,
    loaded: Loaded,
    factory: Any,
    arguments: list[Any],
    keywords: dict[str, Any],
) -> Any:
    try:
        return factory(*arguments, **keywords)
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        _fail("factory_failed", spec, loaded.name, error)


def _settle(spec: Spec, found: Any, loaded: Loaded, api: str) -> None:
    """Decides the API, calling a factory on the way."""
    detected, reason = api_of(found, loaded.name)
    if detected == FACTORY and spec.call is None:
        loaded.notes.append(("factory", f"{loaded.name}()", reason))
        found = _call(spec, loaded, found, [], {})
        detected, reason = api_of(found)
        reason = f"what the factory made is one: {reason}"
    loaded.app = found
    if api == AUTHORIZER:
        if not callable(found):
            _fail("not_callable", spec, loaded.name, found)
        from narthex._authorize import Authorizer

        loaded.app, loaded.api = Authorizer(found), TRANSACTION
        loaded.notes.append(("API", api, "it was asked for"))
        return
    if api != AUTO:
        if not callable(found) and not callable(getattr(found, "respond", None)):
            _fail("not_callable", spec, loaded.name, found)
        loaded.api = api
        loaded.notes.append(("API", api, "it was asked for"))
        return
    if detected == ASGI:
        _fail("asgi", spec, loaded.name, found)
    if detected not in (TRANSACTION, WSGI):
        if callable(found):
            _fail("unclear", spec, loaded.name, found, reason)
        _fail("not_callable", spec, loaded.name, found)
    loaded.api = detected
    loaded.notes.append(("API", detected, reason))
