"""Configuration for an application, as `narthex apache config` prints it."""

from __future__ import annotations

import os
import sys

from narthex._apache import environment, native
from narthex._init import Options, quoting
from narthex._init.files import filled
from narthex._init.problems import fail
from narthex._init.site import Site

TYPE_CHECKING = False
if TYPE_CHECKING:
    from narthex._apache import Place

# The group of all that is in no other.
_DEFAULT = "default"
# Options of an application that name files.
_PATHS = ("access-log", "chdir", "config", "error-log")


class Fragment:
    """What httpd is told of an application.

    Attributes:
        place: What was asked for.
        site: The application, by absolute paths.
        python: Its Python.
        module: The path of the module.
        group: The group of processes; None where it is not defined here.
    """

    def __init__(self, place: Place) -> None:
        """Looks at everything.

        Raises:
            StartError: Something would not work.
        """
        self.place = place
        self.module = native.module()
        variables = [value for key, value in place.settings if key == "env"]
        self.python = environment.at(place.venv, variables)
        if self.python.narthex is None:
            fail(
                "N332",
                f"{self.python.executable} has no narthex",
                (self.python.engine,),
                (f"{self.python.executable} -m pip install narthex",),
            )
        if place.inline and self.python.library is None:
            fail(
                "N335",
                f"{self.python.executable} cannot run inside httpd",
                ("It was built without a shared library (libpython).",),
                (
                    "leave out --inline: processes of a group run any Python",
                    "or take a Python that was built with --enable-shared",
                ),
            )
        chdir = dict(place.settings).get("chdir")
        self.site = Site(
            Options(
                kind="apache",
                app=place.app,
                check=False,
                name=None if place.group == _DEFAULT else place.group,
                api=place.api,
                app_dir=place.app_dir,
                chdir=chdir,
                mount=place.mount,
            ),
            os.getcwd(),
        )
        self.group = self._group()
        if place.check:
            self._check()

    def text(self) -> str:
        """All of it, for the configuration of the server."""
        return filled(
            "apache-module.conf",
            {
                "app": self.site.app,
                "mount": self.place.mount or "/",
                "load": self.load(),
                "process": "\n".join(self.definition()),
                "place": self.location(),
            },
        )

    def load(self) -> str:
        """The line that loads the module."""
        return f"LoadModule narthex_module {quoting.apache(self.module)}"

    def definition(self) -> list[str]:
        """Where the application runs, for the whole server."""
        if self.place.inline:
            if self._is_found():
                return []
            return [
                "# The one Python of all applications that run inside httpd.",
                f"NarthexPython {quoting.apache(self.python.prefix)}",
            ]
        if self.group is None:
            return []
        words = [_word(f"{key}={value}") for key, value in self._settings()]
        return [
            "# Processes of its own: the first request starts them.",
            f"NarthexGroup {self.group} {' '.join(words)}".rstrip(),
        ]

    def location(self) -> str:
        """The application at its place."""
        lines = [f"NarthexApp {quoting.apache(self.site.app)}"]
        if self.place.inline:
            lines.append("NarthexProcess inline")
        elif self.group not in (None, _DEFAULT):
            lines.append(f"NarthexProcess group:{self.group}")
        lines += [
            f"NarthexOption {key} {quoting.apache(value)}".rstrip()
            for key, value in self._options()
        ]
        if self.place.debug:
            lines.append("NarthexDebug On")
        return "\n".join(lines)

    def _group(self) -> str | None:
        """The group's name, if it is to be defined."""
        place = self.place
        if place.inline:
            return None
        if place.group is not None:
            return place.group
        # The group `default` runs the environment that the module lies in.
        simple = self._is_found() and not place.settings and not place.user
        return None if simple else self.site.name

    def _is_found(self) -> bool:
        """Whether the module finds the environment by itself: it lies in it."""
        return self.place.venv is None and native.is_in(sys.prefix)

    def _settings(self) -> list[tuple[str, str]]:
        """The group's settings, by absolute paths."""
        place = self.place
        user, _, group = (place.user or "").partition(":")
        settings = [("python", "" if self._is_found() else self._python())]
        settings += [("user", user), ("group", group)]
        settings += [
            (key, self.site.directory if key == "chdir" else value)
            for key, value in place.settings
        ]
        return [(key, value) for key, value in settings if value]

    def _python(self) -> str:
        """What names the Python: an environment, or an interpreter without one."""
        python = self.python
        if os.path.exists(os.path.join(python.prefix, "pyvenv.cfg")):
            return python.prefix
        return python.executable

    def _options(self) -> list[tuple[str, str]]:
        """The options of the application."""
        site, place = self.site, self.place
        app_dir = site.app_dir
        if app_dir is None and not os.path.isabs(site.app):
            # A module is looked for where this was called.
            app_dir = site.directory
        options = [("app-dir", app_dir), ("api", place.api)]
        given = [(key, value) for key, value in options if value]
        return given + [
            (key, os.path.abspath(value) if _is_path(key, value) else value)
            for key, value in place.options
        ]

    def _check(self) -> None:
        """Loads the application by its Python, and reads its options."""
        options = [
            f"--{key}={value}" if value else f"--{key}"
            for key, value in self._options()
        ]
        words = ["check", "--backend=cgi", "--config=none", *options, "--"]
        done = self.python.run([*words, self.site.app], self.site.directory)
        if done.returncode == 0:
            return
        lines = (done.stdout + done.stderr).splitlines()
        fail(
            "N331",
            f"the application {self.place.app} cannot be served",
            [line for line in lines if not line.startswith(("ok ", "warn "))],
            (
                f"see what {self.python.executable} -m narthex run {self.place.app} "
                "says",
                "--no-check goes on all the same",
            ),
        )


def _is_path(option: str, value: str) -> bool:
    """Whether a value would mean another file to httpd than here."""
    return option in _PATHS and value not in ("", "-", "none")


def _word(text: str) -> str:
    """A word of a directive, in quotes where it needs some."""
    plain = text.isascii() and not set(text) & set(" \t\"'\\$<>#")
    return text if plain else quoting.apache(text)
