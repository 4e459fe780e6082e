"""What all files of a site are made from."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import sys

from narthex import _load
from narthex._init.problems import fail
from narthex._load import Loaded, Spec, StartError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from narthex._init import Options

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_PATH = re.compile(r"(/[A-Za-z0-9_~.-]+)*")
_ADDRESS = re.compile(r"([A-Za-z0-9.:*\[\]-]+:)?[0-9]{1,5}")
_HOST = re.compile(r"[A-Za-z0-9*][A-Za-z0-9.-]*")
# As long as Linux lets the address of a socket be.
_LONGEST_SOCKET = 107
_WEB_SERVERS = ("www-data", "nginx", "apache", "http", "lighttpd")


class Site:
    """An application, and how it is to be reached.

    Attributes:
        options: What was asked for.
        output: Where the files go, absolute.
        directory: Where the application runs.
        app: APP, as it is understood from there.
        loaded: The application, unless it was not to be loaded.
        name: What the site is called.
        mount: Path at which it is mounted, or empty.
        statics: Paths, each with a slash at both ends, and their directories.
        socket: Path of the socket between web server and application.
    """

    def __init__(self, options: Options, output: str) -> None:
        """Looks at everything.

        Raises:
            StartError: Something would not work.
        """
        self.options = options
        self.output = output
        self.statics = [
            (f"{options.mount}{route}/", os.path.abspath(directory))
            for route, directory in options.statics
        ]
        socket = os.path.abspath(options.socket) if options.socket else None
        self.app_dir = os.path.abspath(options.app_dir) if options.app_dir else None
        self.directory = os.path.abspath(options.chdir or os.curdir)
        self._enter()
        self.app = _absolute(options.app)
        self.loaded = self._load() if options.check else None
        self.name = options.name or _name_of(self.directory)
        self.socket = socket or f"/run/{self.name}.sock"
        self.mount = options.mount
        self._check()

    @property
    def narthex(self) -> list[str]:
        """The command, by its full path: web servers have no useful `PATH`."""
        path = os.path.join(os.path.dirname(sys.executable), "narthex")
        if os.access(path, os.X_OK):
            return [path]
        return [sys.executable, "-m", "narthex"]

    def command(self, *options: str) -> list[str]:
        """The command that serves the application by FastCGI."""
        words = [*self.narthex, "fastcgi", *options]
        if self.options.api:
            words += ["--api", self.options.api]
        if self.app_dir:
            words += ["--app-dir", self.app_dir]
        if self.options.workers:
            words += ["--workers", str(self.options.workers)]
        return [*words, self.app]

    @property
    def paths(self) -> list[str]:
        """Directories that the application cannot do without."""
        app = [os.path.dirname(self.app)] if os.path.isabs(self.app) else []
        app_dir = [self.app_dir] if self.app_dir else []
        return [self.directory, *app, *app_dir, sys.prefix, sys.base_prefix]

    @property
    def web_server(self) -> str:
        """The user of the web server."""
        if self.options.socket_owner:
            return self.options.socket_owner
        known = (name for name in _WEB_SERVERS if _is_user(name))
        return next(known, _WEB_SERVERS[0])

    def _enter(self) -> None:
        try:
            os.chdir(self.directory)
        except OSError as error:
            fail(
                "N303",
                f"{self.directory} cannot be entered: {error.strerror}",
                ("The application is to run there.",),
                ("name another directory with --chdir DIR",),
            )

    def _load(self) -> Loaded:
        api = self.options.api or _load.AUTO
        # What the application prints is none of the files.
        with contextlib.redirect_stdout(sys.stderr):
            try:
                return _load.load(self.options.app, self.app_dir, api)
            except StartError as error:
                error.problem.fixes.append("--no-check writes the files all the same")
                raise

    def _check(self) -> None:
        texts = [self.directory, self.app, self.app_dir or "", self.socket, self.output]
        texts += [sys.executable, *(directory for _, directory in self.statics)]
        for text in texts:
            if not all(letter >= " " and letter != "\x7f" for letter in text):
                fail(
                    "N304",
                    f"{text!r} has a letter that no configuration can hold",
                    (),
                    ("give it another name",),
                )
        if len(os.fsencode(self.socket)) > _LONGEST_SOCKET:
            fail(
                "N304",
                f"the path of the socket is too long: {self.socket}",
                (f"The system takes {_LONGEST_SOCKET} bytes.",),
                ("name a shorter one with --socket PATH",),
            )
        users = [self.options.user, self.options.socket_owner]
        for option, pattern, values in (
            ("--name", _NAME, [self.name]),
            ("--listen", _ADDRESS, [self.options.listen]),
            ("--server-name", _HOST, self.options.server_names),
            ("--user or --socket-owner", _NAME, [user for user in users if user]),
            ("--mount", _PATH, [self.mount]),
            ("--static", _PATH, [path[:-1] for path, _ in self.statics]),
        ):
            for value in values:
                if not pattern.fullmatch(value):
                    _malformed(option, value)


def _malformed(option: str, value: str) -> None:
    fix = {
        "--listen": "write a port, or address:port",
        "--static": "write a path of letters, digits, `.`, `_`, `~` and `-` below the "
        "mount, such as /static=DIR",
    }.get(option, "write letters, digits, `.`, `_` and `-`")
    fail("N306", f"{value!r} cannot stand for {option}", (), (fix,))


def _absolute(app: str) -> str:
    """APP, with the path of its file made absolute."""
    spec = Spec(app)
    if not spec.is_path:
        return app
    return os.path.abspath(spec.target) + app[len(spec.target) :]


def _name_of(directory: str) -> str:
    """A name after the directory, with nothing in it that needs quotes."""
    words = re.findall(r"[A-Za-z0-9_]+", os.path.basename(directory))
    return "-".join(words) or "site"


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
