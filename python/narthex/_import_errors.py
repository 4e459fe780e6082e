"""What a person is told of an import that failed, of which there are many kinds."""

from __future__ import annotations

import difflib
import linecache
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from narthex._frames import say, trace, user_frames
from narthex._problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

    from narthex._load import Spec

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


def import_failed(spec: Spec, name: str, root: str, error: BaseException) -> Problem:
    """The module could not be imported, for one of many reasons."""
    frames = user_frames(error.__traceback__)
    if isinstance(error, ModuleNotFoundError) and error.name:
        wanted = error.name
        if not frames and (name == wanted or name.startswith(f"{wanted}.")):
            return _unknown_module(spec, wanted, root)
        return missing_dependency(wanted, root, error)
    if isinstance(error, SyntaxError) and error.filename:
        return _syntax_error(error, frames)
    if isinstance(error, ImportError):
        return _import_error(error)
    if isinstance(error, SystemExit):
        return Problem(
            "N115",
            f"the application ended the process while being imported: {say(error)}",
            trace(error),
            ('put what runs the application under `if __name__ == "__main__":`',),
        )
    return Problem(
        "N106",
        f"the application failed while being imported: {say(error)}",
        trace(error),
        ("correct the last line shown; nothing of narthex is involved",),
    )


def near(word: str, names: Iterable[str]) -> list[str]:
    return difflib.get_close_matches(word, list(names), 3, 0.6)


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
    close = near(leaf, names)
    if close:
        fixes.append(f"did you mean {' or '.join(close)}?")
    below = sorted(Path(root).glob(f"*/{leaf}.py")) + sorted(
        Path(root).glob(f"*/{leaf}/__init__.py")
    )
    for found in below[:1]:
        folder = found.relative_to(root).parts[0]
        fixes.append(f"it lies in {folder}: add --app-dir {folder}")
    if not fixes:
        fixes.append(
            "start in the directory of the module, or name it by --app-dir DIR"
        )
    return Problem("N101", f"there is no module {wanted!r}", details, fixes)


def _modules_in(directory: Path) -> list[str]:
    names = []
    for entry in sorted(directory.iterdir()):
        if entry.suffix == ".py" and entry.stem.isidentifier():
            names.append(entry.stem)
        elif (entry / "__init__.py").is_file():
            names.append(entry.name)
    return [name for name in names if name not in ("__init__", "setup", "conftest")]


def missing_dependency(wanted: str, root: str, error: BaseException) -> Problem:
    top = wanted.partition(".")[0]
    fixes = []
    if top in sys.modules or _modules_in(Path(root)).count(top):
        close = near(wanted.rpartition(".")[2], _submodules(wanted))
        fixes.append(f"{top!r} is there, but has no module {wanted!r}")
        if close:
            fixes.append(f"did you mean {' or '.join(close)}?")
    elif top in sys.stdlib_module_names:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        fixes.append(f"{top!r} belongs to Python, but not to this build of {version}")
    else:
        distribution = DISTRIBUTIONS.get(top, top.replace("_", "-"))
        fixes.append(f"{sys.executable} -m pip install {distribution}")
        fixes += environment_hints()
    return Problem(
        "N104",
        f"the application imports {wanted!r}, which is not installed",
        trace(error),
        fixes,
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
