"""What a person sees when the start fails: what is wrong, where, and what to do.

One screen, frames of the user only, a stable code. Nothing here is imported unless something
is wrong.
"""

from __future__ import annotations

import difflib
import html
import linecache
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narthex import _load

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType, ModuleType, TracebackType

    from narthex._load import Spec

MOST_LINES = 24
"""A message fits this many lines, so that it fits a screen."""

DISTRIBUTIONS = {
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyOpenSSL",
    "PIL": "Pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "django": "Django",
    "dotenv": "python-dotenv",
    "flask": "Flask",
    "flask_sqlalchemy": "Flask-SQLAlchemy",
    "jinja2": "Jinja2",
    "jwt": "PyJWT",
    "psycopg2": "psycopg2-binary",
    "rest_framework": "djangorestframework",
    "serial": "pyserial",
    "sklearn": "scikit-learn",
    "webware": "Webware-for-Python",
    "yaml": "PyYAML",
}
"""Distributions that are not named as their module is."""


class Problem:
    """Why the start failed.

    Attributes:
        code: Stable code, such as ``N101``.
        title: What is wrong, in a line.
        details: Where, and what is there instead.
        fixes: What to do about it.
    """

    def __init__(
        self, code: str, title: str, details: Iterable[str], fixes: Iterable[str]
    ) -> None:
        self.code = code
        self.title = title
        self.details = list(details)
        self.fixes = list(fixes)

    def summary(self) -> str:
        """The problem in a line: its code, its title and the first place named."""
        places = (line.strip() for line in self.details if ":" in line and os.sep in line)
        place = next(places, "")
        return f"{self.code}: {self.title}" + (f" ({place})" if place else "")


def render(problem: Problem, color: bool = False) -> str:
    """The message for a terminal or a log."""
    red, green, plain = ("\x1b[1;31m", "\x1b[32m", "\x1b[0m") if color else ("", "", "")
    room = MOST_LINES - 4 - len(problem.fixes)
    details = problem.details
    if len(details) > room:
        left = len(details) - room + 1
        details = [*details[: room - 1], f"… and {left} more lines"]
    lines = [f"{red}narthex: error {problem.code}:{plain} {_clean(problem.title)}"]
    if details:
        lines.append("")
        lines.extend(f"  {_clean(line)}".rstrip() for line in details)
    if problem.fixes:
        lines.append("")
        for number, fix in enumerate(problem.fixes):
            label = f"{green}Fix:{plain}" if number == 0 else "    "
            lines.append(f"  {label} {_clean(fix)}")
    return "\n".join(lines) + "\n"


def wants_color() -> bool:
    """Whether standard error is a terminal whose user does not object to colours."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    try:
        return os.isatty(2)
    except OSError:
        return False


def page(problem: Problem) -> bytes:
    """The message for a browser."""
    from narthex import _debug

    parts = [f"<h1><code>{problem.code}</code> {html.escape(problem.title)}</h1>"]
    if problem.details:
        text = html.escape("\n".join(problem.details))
        parts.append(f'<pre class="frame">{text}</pre>')
    if problem.fixes:
        parts.append("<h2>What to do</h2><ul>")
        parts.extend(f"<li>{html.escape(fix.strip())}</li>" for fix in problem.fixes)
        parts.append("</ul>")
    parts.append("<p>This page goes away when the files change and the start succeeds.</p>")
    return _debug.document(f"{problem.code}: {problem.title}", "\n".join(parts))


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
        ("write literals: strings in quotes, numbers, True, None, lists, dictionaries",),
    )


def no_file(spec: Spec, path: str) -> Problem:
    """The file is not there."""
    directory = Path(path).parent
    details = []
    fixes = [f"check the path; it is taken from {Path.cwd()}"]
    if directory.is_dir():
        near = _near(Path(path).name, (entry.name for entry in directory.iterdir()))
        if near:
            fixes.insert(0, f"did you mean {' or '.join(near)}?")
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


def import_failed(spec: Spec, name: str, root: str, error: BaseException) -> Problem:
    """The module could not be imported, for one of many reasons."""
    frames = user_frames(error.__traceback__)
    if isinstance(error, ModuleNotFoundError) and error.name:
        wanted = error.name
        if not frames and (name == wanted or name.startswith(f"{wanted}.")):
            return _unknown_module(spec, wanted, root)
        return _missing_dependency(wanted, root, error)
    if isinstance(error, SyntaxError) and error.filename:
        return _syntax_error(error, frames)
    if isinstance(error, ImportError):
        return _import_error(error)
    if isinstance(error, SystemExit):
        return Problem(
            "N115",
            f"the application ended the process while being imported: {_say(error)}",
            trace(error),
            ('put what runs the application under `if __name__ == "__main__":`',),
        )
    return Problem(
        "N106",
        f"the application failed while being imported: {_say(error)}",
        trace(error),
        ("correct the last line shown; nothing of narthex is involved",),
    )


def no_attribute(spec: Spec, module: ModuleType, owner: Any, word: str) -> Problem:
    """The module, or an object in it, lacks the attribute."""
    details = [f"The module is {_file_of(module)}."]
    names = [name for name in dir(owner) if not name.startswith("_")]
    near = _near(word, names)
    if owner is module:
        details += _candidates(module)
        title = f"module {module.__name__!r} has no attribute {word!r}"
    else:
        title = f"{type(owner).__name__} object in {spec.text!r} has no attribute {word!r}"
    if near:
        fix = f"did you mean {spec.target}:{near[0]}?"
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
        "N110", f"{name} is no application: {kind} objects cannot be called", details, (fix,)
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
            "this version serves WSGI (Flask, Django's wsgi.py, ...) and the native API;",
            "where the framework has both, name its WSGI application",
        ),
    )


def factory_failed(spec: Spec, name: str, error: BaseException) -> Problem:
    """A factory did not give an application."""
    if isinstance(error, TypeError) and not user_frames(error.__traceback__):
        return Problem(
            "N111",
            f"the factory {name} does not take these arguments: {_say(error)}",
            (),
            ("give it what it needs, as literals",),
        )
    if isinstance(error, ModuleNotFoundError) and error.name:
        return _missing_dependency(error.name, str(Path.cwd()), error)
    return Problem(
        "N114",
        f"the factory {name} failed: {_say(error)}",
        trace(error),
        ("correct the last line shown; nothing of narthex is involved",),
    )


def unexpected(error: BaseException) -> Problem:
    """Anything else that went wrong at the start."""
    return Problem("N199", f"the start failed: {_say(error)}", trace(error), ())


def user_frames(traceback: TracebackType | None) -> list[tuple[FrameType, int]]:
    """The frames that are neither the import system's nor ours."""
    ours = str(Path(__file__).parent) + os.sep
    frames = []
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if not file.startswith(("<frozen importlib", ours)):
            frames.append((traceback.tb_frame, traceback.tb_lineno))
        traceback = traceback.tb_next
    return frames


def trace(error: BaseException) -> list[str]:
    """The frames of ``error`` and of what caused it, as lines."""
    lines = list(_frame_lines(user_frames(error.__traceback__), 5))
    for cause in _causes(error):
        lines.append(f"caused by {_say(cause)}")
        lines.extend(_frame_lines(user_frames(cause.__traceback__)[-1:], 1))
    return lines


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen = {id(error)}
    for _ in range(2):
        suppressed = error.__suppress_context__
        cause = error.__cause__ or (None if suppressed else error.__context__)
        if cause is None or id(cause) in seen:
            return
        seen.add(id(cause))
        yield cause
        error = cause


def _frame_lines(frames: list[tuple[FrameType, int]], most: int) -> Iterator[str]:
    """Up to ``most`` frames: the last one, and the user's own before those of libraries."""
    last = len(frames) - 1
    own = [
        number
        for number, (frame, _) in enumerate(frames)
        if number == last or not _is_library(frame.f_code.co_filename)
    ]
    shown = set(own if len(own) <= most else [own[0], *own[len(own) - most + 1 :]])
    hidden = 0
    for number, (frame, line) in enumerate(frames):
        if number not in shown:
            hidden += 1
            continue
        if hidden:
            yield f"… {hidden} frame{'s' if hidden > 1 else ''} of libraries"
            hidden = 0
        code = frame.f_code
        yield f"{code.co_filename}:{line}, in {code.co_name}"
        source = linecache.getline(code.co_filename, line, frame.f_globals).strip()
        if source:
            yield f"    {source}"


def _is_library(file: str) -> bool:
    installed = str(Path(os.__file__).parent)
    return "site-packages" in file or "dist-packages" in file or file.startswith(installed)


def _unknown_module(spec: Spec, wanted: str, root: str) -> Problem:
    directory = Path(root, *wanted.split(".")[:-1])
    if not directory.is_dir():
        directory = Path(root)
    leaf = wanted.rpartition(".")[2]
    names = _modules_in(directory)
    details = [f"Looked in {directory}, then in the path of {sys.executable}."]
    if names:
        details.append(f"There are: {', '.join(names[:10])}")
    fixes = []
    near = _near(leaf, names)
    if near:
        fixes.append(f"did you mean {' or '.join(near)}?")
    below = sorted(Path(root).glob(f"*/{leaf}.py")) + sorted(
        Path(root).glob(f"*/{leaf}/__init__.py")
    )
    for found in below[:1]:
        folder = found.relative_to(root).parts[0]
        fixes.append(f"it lies in {folder}: add --app-dir {folder}")
    if not fixes:
        fixes.append("start in the directory of the module, or name it by --app-dir DIR")
    return Problem("N101", f"there is no module {wanted!r}", details, fixes)


def _modules_in(directory: Path) -> list[str]:
    names = []
    for entry in sorted(directory.iterdir()):
        if entry.suffix == ".py" and entry.stem.isidentifier():
            names.append(entry.stem)
        elif (entry / "__init__.py").is_file():
            names.append(entry.name)
    return [name for name in names if name not in ("__init__", "setup", "conftest")]


def _missing_dependency(wanted: str, root: str, error: BaseException) -> Problem:
    top = wanted.partition(".")[0]
    fixes = []
    if top in sys.modules or _modules_in(Path(root)).count(top):
        near = _near(wanted.rpartition(".")[2], _submodules(wanted))
        fixes.append(f"{top!r} is there, but has no module {wanted!r}")
        if near:
            fixes.append(f"did you mean {' or '.join(near)}?")
    elif top in sys.stdlib_module_names:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        fixes.append(f"{top!r} belongs to Python, but not to this build of {version}")
    else:
        distribution = DISTRIBUTIONS.get(top, top.replace("_", "-"))
        fixes.append(f"{sys.executable} -m pip install {distribution}")
        fixes += environment_hints()
    return Problem(
        "N104", f"the application imports {wanted!r}, which is not installed", trace(error), fixes
    )


def _submodules(wanted: str) -> list[str]:
    parent = sys.modules.get(wanted.rpartition(".")[0])
    names: list[str] = []
    for path in getattr(parent, "__path__", ()):
        if Path(path).is_dir():
            names += _modules_in(Path(path))
    return names


def environment_hints() -> list[str]:
    """What speaks for another virtual environment being meant."""
    active = os.environ.get("VIRTUAL_ENV")
    if active and Path(active).resolve() != Path(sys.prefix).resolve():
        return [
            f"or is {active} meant? It is active, but narthex runs in {sys.prefix}:",
            f"{active}/bin/python -m pip install narthex",
        ]
    for name in (".venv", "venv"):
        nearby = Path.cwd() / name
        if (nearby / "pyvenv.cfg").is_file() and nearby.resolve() != Path(
            sys.prefix
        ).resolve():
            return [f"or is {nearby} meant? narthex runs in {sys.prefix}"]
    return []


def _syntax_error(error: SyntaxError, frames: list[tuple[FrameType, int]]) -> Problem:
    line = error.lineno or 0
    details = [f"{error.filename}:{line}"]
    source = (error.text or linecache.getline(str(error.filename), line)).rstrip("\n")
    if source:
        indent = len(source) - len(source.lstrip())
        details.append(f"    {source.strip()}")
        column = max((error.offset or 1) - 1 - indent, 0)
        details.append(f"    {' ' * column}^")
    if frames:
        frame, at = frames[-1]
        details.append(f"imported by {frame.f_code.co_filename}:{at}")
    return Problem(
        "N103",
        f"the application has a syntax error: {error.msg}",
        details,
        ("correct this line, or the one before it",),
    )


def _import_error(error: ImportError) -> Problem:
    text = str(error)
    if "circular import" in text or "partially initialized" in text:
        fix = "modules import each other in a ring: move one import into what needs it"
    elif error.path and error.path.endswith(".so"):
        fix = f"it was built for another Python or system: reinstall it ({error.path})"
    else:
        fix = "check the name, and the version of the module that should have it"
    return Problem(
        "N105", f"an import of the application failed: {text}", trace(error), (fix,)
    )


def _candidates(module: ModuleType) -> list[str]:
    """What a module defines that might be an application, and how it would be called."""
    lines = []
    for name, value in sorted(vars(module).items()):
        imported = getattr(value, "__module__", module.__name__) != module.__name__
        is_type_or_function = isinstance(value, type) or hasattr(value, "__code__")
        if name.startswith("_") or (imported and is_type_or_function):
            continue
        api, reason = _load.api_of(value, name)
        if api != _load.UNKNOWN:
            lines.append(f"  {name}  {api}: {reason}")
    if len(lines) > 8:
        lines[8:] = [f"  … and {len(lines) - 8} more"]
    return ["It defines:", *lines] if lines else ["It defines nothing that can be called."]


def _near(word: str, names: Iterable[str]) -> list[str]:
    return difflib.get_close_matches(word, list(names), 3, 0.6)


def _defined(found: Any) -> str:
    code = getattr(found, "__code__", None) or getattr(
        getattr(type(found), "__call__", None), "__code__", None
    )
    return f"{code.co_filename}:{code.co_firstlineno}" if code else ""


def _file_of(module: ModuleType) -> str:
    return str(getattr(module, "__file__", None) or module.__name__)


def _say(error: BaseException) -> str:
    """The exception in a line, as the last line of a traceback has it."""
    name = type(error).__name__
    try:
        text = str(error)
    except Exception:  # the application's own method
        text = "<its text cannot be had>"
    first = text.strip().partition("\n")[0]
    return f"{name}: {first}" if first else name


def _clean(line: str) -> str:
    """A line without anything that a terminal would obey."""
    return "".join(
        letter if letter.isprintable() else repr(letter)[1:-1] for letter in line
    )
