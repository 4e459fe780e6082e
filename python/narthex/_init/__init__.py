"""``narthex init``: writes the files that put an application behind a web server."""

from __future__ import annotations

import difflib
import os
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple, NoReturn

from narthex._init.kinds import KINDS
from narthex._init.problems import fail
from narthex._init.site import Site

TYPE_CHECKING = False
if TYPE_CHECKING:
    from narthex._init.files import File, Plan

STANDARD_OUTPUT = "-"


class Options(NamedTuple):
    """What the command line says; paths as they were written."""

    kind: str
    app: str
    output: str = "."
    force: bool = False
    check: bool = True
    name: str | None = None
    api: str | None = None
    app_dir: str | None = None
    chdir: str | None = None
    workers: int | None = None
    user: str | None = None
    mount: str = ""
    server_names: list[str] = []  # noqa: RUF012
    listen: str = "80"
    statics: list[tuple[str, str]] = []  # noqa: RUF012
    socket: str | None = None
    socket_owner: str | None = None


def write(options: Options) -> None:
    """Writes the files, says which, and what to do with them.

    Raises:
        StartError: They cannot be written, or would not work.
    """
    printed = options.output == STANDARD_OUTPUT
    # Where the files are to be put is known by the user alone: here is as good as any.
    output = os.path.abspath("." if printed else options.output)
    plan = KINDS[options.kind](Site(options, output))
    if printed:
        for file in plan.files:
            _say(sys.stdout, f"# ==> {file.name} <==\n{file.text}")
    else:
        _write_all(plan, Path(output), options.force)
    _say(sys.stderr if printed else sys.stdout, _next(plan))


def _write_all(plan: Plan, output: Path, force: bool) -> None:
    if not output.is_dir():
        fail(
            "N303",
            f"there is no directory {output}",
            ("The files are written into it.",),
            ("make it, or name another one with --output DIR",),
        )
    present = {file.name: _present(output / file.name) for file in plan.files}
    different = [
        file for file in plan.files if present[file.name] not in (None, _bytes(file))
    ]
    if different and not force:
        _refuse(different, output)
    for file in plan.files:
        path = output / file.name
        if present[file.name] == _bytes(file) and _has_mode(path, file):
            _say(sys.stdout, f"unchanged {path}\n")
            continue
        _replace(path, file)
        _say(sys.stdout, f"wrote {path}\n")


def _present(path: Path) -> bytes | None:
    """What is there now."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        _cannot(path, error)


def _has_mode(path: Path, file: File) -> bool:
    return not file.executable or os.access(path, os.X_OK)


def _replace(path: Path, file: File) -> None:
    """Puts the whole file there at once: a web server may be reading it."""
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".narthex-")
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(_bytes(file))
        os.chmod(temporary, 0o755 if file.executable else 0o644)
        os.replace(temporary, path)
    except OSError as error:
        _cannot(path, error)


def _cannot(path: Path, error: OSError) -> NoReturn:
    fail(
        "N303",
        f"{path} cannot be written: {error.strerror}",
        (),
        ("name another directory with --output DIR, or write `--output -`",),
    )


def _refuse(files: list[File], output: Path) -> NoReturn:
    """Refuses to replace what somebody may have edited; shows what would change."""
    details: list[str] = []
    for file in files:
        path = output / file.name
        details.extend(
            difflib.unified_diff(
                path.read_bytes().decode(errors="replace").splitlines(),
                file.text.splitlines(),
                f"{path} (as it is)",
                f"{path} (as it would be)",
                n=0,
                lineterm="",
            )
        )
    names = " and ".join(file.name for file in files)
    fail(
        "N305",
        f"{names} would be replaced in {output}",
        details,
        (
            "--force replaces what is there",
            "--output DIR writes elsewhere, `--output -` only shows the files",
        ),
    )


def _bytes(file: File) -> bytes:
    """The file as it is written: names of files need not be UTF-8."""
    return file.text.encode("utf-8", "surrogateescape")


def _next(plan: Plan) -> str:
    steps = "".join(f"  {step}\n" for step in plan.steps)
    warnings = "".join(f"\nwarning: {warning}\n" for warning in plan.warnings)
    return f"\nNext:\n{steps}{warnings}"


def _say(stream: object, text: str) -> None:
    buffer = getattr(stream, "buffer", None)
    assert buffer is not None, "standard streams have a buffer"
    buffer.write(text.encode("utf-8", "surrogateescape"))
    buffer.flush()
