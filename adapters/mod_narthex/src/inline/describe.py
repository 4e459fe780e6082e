"""Says where the parts of this Python lie, for httpd, which is to open them itself.

Fields are ended by NUL, in the order in which `environment.rs` reads them.
"""

import sys

# With -c, Python puts the current directory first, which is anybody's.
sys.path[:] = [path for path in sys.path if path]

import importlib.machinery  # noqa: E402
import importlib.util  # noqa: E402
import os  # noqa: E402
import sysconfig  # noqa: E402
from pathlib import Path  # noqa: E402

NAME = f"libpython{sysconfig.get_config_var('LDVERSION')}.so.1.0"


def library() -> str:
    """The file of libpython: the one that is loaded, or that lies where it belongs."""
    for line in Path("/proc/self/maps").read_bytes().splitlines():
        path = Path(os.fsdecode(line.split(None, 5)[-1]))
        if path.name == NAME:
            return str(path)
    folders = [Path(sys.base_prefix, "lib")]
    folder = sysconfig.get_config_var("LIBDIR")
    if folder:
        several = sysconfig.get_config_var("MULTIARCH") or ""
        folders += [Path(folder), Path(folder, several)]
    paths = (folder / NAME for folder in folders)
    return str(next(filter(Path.exists, paths), ""))


def engine() -> str:
    """The engine's file in the package `narthex`, which is not imported for that."""
    spec = importlib.util.find_spec("narthex")
    folders = (spec.submodule_search_locations or []) if spec else []
    suffixes = importlib.machinery.EXTENSION_SUFFIXES
    paths = (
        Path(folder, "_narthex" + suffix).absolute()
        for folder in folders
        for suffix in suffixes
    )
    return str(next(filter(Path.exists, paths), ""))


facts = [
    "narthex-describe-1",
    sys.executable,
    "{}.{}.{}".format(*sys.version_info),
    sys.prefix,
    str(Path(os.__file__).parent),
    NAME,
    library(),
    engine(),
]
sys.stdout.buffer.write(b"".join(os.fsencode(fact) + b"\0" for fact in facts))
