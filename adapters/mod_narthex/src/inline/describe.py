"""Says where the parts of this Python lie, for httpd, which is to open them itself.

Fields are ended by NUL, in the order in which `environment.rs` reads them.
"""

import sys

# With -c, Python puts the current directory first, which is anybody's.
sys.path[:] = [path for path in sys.path if path]

import importlib.machinery
import importlib.util
import os
import sysconfig


def library():
    """The file of libpython: the one that is loaded, or that lies where it belongs."""
    name = f"libpython{sysconfig.get_config_var('LDVERSION')}.so.1.0"
    with open("/proc/self/maps", "rb") as maps:
        for line in maps:
            path = os.fsdecode(line.rstrip(b"\n").split(None, 5)[-1])
            if os.path.basename(path) == name:
                return path
    folders = [os.path.join(sys.base_prefix, "lib")]
    folder = sysconfig.get_config_var("LIBDIR")
    if folder:
        several = sysconfig.get_config_var("MULTIARCH") or ""
        folders += [folder, os.path.join(folder, several)]
    for folder in folders:
        path = os.path.join(folder, name)
        if os.path.exists(path):
            return path
    return ""


def engine():
    """The engine's file in the package `narthex`, which is not imported for that."""
    spec = importlib.util.find_spec("narthex")
    for folder in spec.submodule_search_locations or [] if spec else []:
        for suffix in importlib.machinery.EXTENSION_SUFFIXES:
            path = os.path.join(os.path.abspath(folder), "_narthex" + suffix)
            if os.path.exists(path):
                return path
    return ""


facts = [
    "narthex-describe-1",
    sys.executable,
    "{}.{}.{}".format(*sys.version_info),
    sys.prefix,
    os.path.dirname(os.__file__),
    f"libpython{sysconfig.get_config_var('LDVERSION')}.so.1.0",
    library(),
    engine(),
]
sys.stdout.buffer.write(b"".join(os.fsencode(fact) + b"\0" for fact in facts))
