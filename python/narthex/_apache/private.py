"""An httpd of one's own: `narthex apache serve`."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from typing import NamedTuple, NoReturn

from narthex._apache import access, httpd
from narthex._apache.fragment import Fragment
from narthex._init import quoting
from narthex._init.files import filled
from narthex._init.problems import fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import IO

    from narthex._apache import Place, Private
    from narthex._apache.httpd import Httpd

# A socket of ours lies below, and its whole path may have about a hundred bytes.
_LONGEST_FOLDER = 40
_ADDRESS = re.compile(
    r"(?:(?P<host>[A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\]):)?(?P<port>\d{1,5})"
)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Letters that no line of a configuration can have.
_UNSPEAKABLE = {chr(code) for code in (*range(32), 127)}
# What every MPM says when its sockets are open and its children started.
_READY = b"resuming normal operations"
# How long what httpd has started may be silent after its end.
_FAREWELL = 3
# On Linux: the signal that a process gets when the one that started it ends.
_SET_DEATH_SIGNAL = 1


class Address(NamedTuple):
    """Where httpd listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def run(place: Place, private: Private) -> int:
    """Serves an application until it is told to stop; returns the exit status.

    Raises:
        StartError: It cannot be started.
    """
    if not place.inline:
        place = place._replace(settings=[*_variables(), *place.settings])
    fragment = Fragment(place)
    server = httpd.find(private.httpd)
    reader = _user(private, fragment)
    with _folder(reader) as state, _addresses(private.bind) as addresses:
        file = os.path.join(state, "httpd.conf")
        text = _configuration(fragment, server, private, addresses, state)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(
            descriptor, "w", encoding="utf-8", errors="surrogateescape"
        ) as stream:
            stream.write(text)
        return _Foreground(server, file, addresses).run()


def _variables() -> list[tuple[str, str]]:
    """Our variables as settings of a group, whose processes inherit none.

    Those that steer us are not for them.
    """
    settings = []
    for name, value in os.environ.items():
        if not _VARIABLE.fullmatch(name) or name.startswith("NARTHEX_") or not value:
            continue
        if "${" in value or not set(value).isdisjoint(_UNSPEAKABLE):
            _tell(f"{name} is not passed on: httpd takes no such value")
            continue
        settings.append(("env", f"{name}={value}"))
    return settings


def _configuration(
    fragment: Fragment,
    server: Httpd,
    private: Private,
    addresses: list[Address],
    state: str,
) -> str:
    documents = os.path.join(state, "htdocs")
    os.mkdir(documents)
    os.chmod(documents, 0o755)
    user, _, group = (private.user or "").partition(":")
    identity = []
    if os.geteuid() == 0:
        reader = access.user(user) if user else access.usual()
        own = pwd.getpwnam(reader.name).pw_gid
        identity = [f"User {quoting.apache(reader.name)}"]
        identity.append(f"Group {quoting.apache(group or f'#{own}')}")
    log = private.access_log
    target = "/dev/stdout" if log == "-" else log and os.path.abspath(log)
    include = private.include and os.path.abspath(private.include)
    return filled(
        "apache-private.conf",
        {
            "app": fragment.site.app,
            "modules": quoting.apache(server.modules or state),
            "state": quoting.apache(state),
            "pid": quoting.apache(os.path.join(state, "httpd.pid")),
            "documents": quoting.apache(documents),
            "name": addresses[0].host,
            "listen": "\n".join(f"Listen {address}" for address in addresses),
            "user": "\n".join(identity),
            "modules_loaded": "\n".join(_modules(server, private.mpm)),
            "access_log": f'CustomLog {quoting.apache(target)} "{_COMBINED}"'
            if target
            else "",
            "load": fragment.load(),
            "process": "\n".join(fragment.definition()),
            "mount": fragment.place.mount or "/",
            "place": fragment.location(),
            "include": f"Include {quoting.apache(include)}" if include else "",
        },
    )


_COMBINED = r"%a %l %u %t \"%r\" %>s %B \"%{Referer}i\" \"%{User-Agent}i\""


def _modules(server: Httpd, mpm: str | None) -> list[str]:
    """The lines that load what the configuration needs."""
    offered = [name for name in httpd.MPMS if server.has(f"mpm_{name}")]
    if mpm is not None and mpm not in offered:
        fail(
            "N336",
            f"{server.program} has no MPM {mpm}",
            (f"Its modules are in {server.modules}.",),
            (f"choose another one: --mpm {'|'.join(offered)}",)
            if offered
            else ("name another httpd with --httpd PATH",),
        )
    if not offered:
        fail(
            "N336",
            f"the modules of {server.program} are not to be found",
            (f"Looked into {server.modules}.",),
            ("name another httpd with --httpd PATH",),
        )
    wanted = [f"mpm_{mpm or offered[0]}", "unixd", "authz_core", "log_config"]
    files = [(name, server.file_of(name)) for name in wanted]
    return [
        f"LoadModule {name}_module {quoting.apache(file)}"
        for name, file in files
        if file is not None and name not in server.built_in
    ]


def _user(private: Private, fragment: Fragment) -> access.User | None:
    """The user that httpd serves as, if it is not ours."""
    name, _, group = (private.user or "").partition(":")
    if os.geteuid() != 0:
        if name and access.user(name).uid != os.geteuid():
            fail(
                "N333",
                f"only root can start an httpd that serves as {name}",
                (),
                ("leave out --user: it serves as you",),
            )
        return None
    reader = access.user(name) if name else access.usual()
    if reader.uid == 0:
        fail(
            "N333",
            "httpd never serves as root",
            (),
            ("name another user with --user NAME",),
        )
    if group:
        access.group(group)
    if not name:
        _tell(f"httpd never serves as root: it serves as {reader.name} (--user)")
    paths = [fragment.module, *fragment.python.files, *fragment.site.paths[:-2]]
    barriers = access.barriers(reader, paths)
    if barriers:
        fail(
            "N337",
            f"{reader.name}, the user that httpd serves as, cannot read all it needs",
            [path for path, _ in barriers],
            (
                *(chmod for _, chmod in barriers),
                "or put it where everybody can read; or name another user with --user",
                "or be no root: then httpd serves as you",
            ),
        )
    return reader


@contextlib.contextmanager
def _folder(reader: access.User | None) -> Iterator[str]:
    """A directory of httpd's own, gone in the end."""
    above = tempfile.gettempdir()
    if len(os.fsencode(above)) > _LONGEST_FOLDER:
        above = "/tmp"
    path = tempfile.mkdtemp(prefix="narthex-httpd-", dir=above)
    if reader is not None:
        # Its children pass through to the socket of the broker.
        os.chmod(path, 0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _addresses(texts: list[str]) -> Iterator[list[Address]]:
    """The addresses to listen on, with a number for each port 0.

    httpd cannot say which one it was given. So we take one and keep it, bound but not
    listening: the system gives it to nobody else, and lets httpd have it.
    """
    with contextlib.ExitStack() as kept:
        addresses = [_address(text) for text in texts]
        for index, (host, port) in enumerate(addresses):
            if port:
                continue
            family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
            holder = kept.enter_context(socket.socket(family))
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                holder.bind((host.strip("[]"), 0))
            except OSError as error:
                _no_address(texts[index], error.strerror or str(error))
            addresses[index] = Address(host, holder.getsockname()[1])
        yield addresses


def _address(text: str) -> Address:
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found["port"]) > 65535:
        _no_address(
            text, "httpd listens on HOST:PORT, with an IPv6 address in brackets"
        )
    # A port alone is for this machine, as with other commands; an empty host for all.
    host = "127.0.0.1" if found["host"] is None else found["host"] or "0.0.0.0"
    return Address(host, int(found["port"]))


def _no_address(text: str, why: str) -> NoReturn:
    fail(
        "N338",
        f"httpd cannot listen on {text}: {why}",
        (),
        ("name another address with --bind HOST:PORT",),
    )


class _Foreground:
    """An httpd that is ours until it ends."""

    def __init__(self, server: Httpd, file: str, addresses: list[Address]) -> None:
        self._server = server
        self._file = file
        self._addresses = addresses
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = 0
        self._said: list[bytes] = []

    def run(self) -> int:
        """Runs it to its end; returns the exit status."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        if self._asked:
            return 0
        process = subprocess.Popen(
            [self._server.program, "-DFOREGROUND", "-f", self._file],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=_ours_alone(),
        )
        self._process = process
        if self._asked:
            # Between the start and the line above.
            process.terminate()
        self._pass_on(process)
        status = process.wait()
        if self._asked:
            return 0
        self._ended(status)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        """Lets running requests end; at the second time ends them."""
        self._asked += 1
        if self._process is not None and self._process.returncode is None:
            graceful = self._asked == 1
            self._process.send_signal(signal.SIGWINCH if graceful else signal.SIGTERM)

    def _pass_on(self, process: subprocess.Popen[bytes]) -> None:
        """Passes on what it says, line by line, and says when it listens."""
        assert process.stdout is not None
        assert process.stderr is not None
        with selectors.DefaultSelector() as selector:
            out = _Lines(process.stdout, sys.stdout.fileno(), lambda _: None)
            err = _Lines(process.stderr, sys.stderr.fileno(), self._hear)
            for lines in (out, err):
                selector.register(lines.source, selectors.EVENT_READ, lines)
            while selector.get_map():
                ready = selector.select(_FAREWELL)
                for key, _ in ready:
                    if not key.data.pass_on():
                        selector.unregister(key.fileobj)
                if not ready and process.poll() is not None:
                    break  # something that it has started holds the pipes

    def _hear(self, line: bytes) -> None:
        self._said = [*self._said[-9:], line]
        if _READY in line and self._addresses:
            for address in self._addresses:
                _tell(f"listening on http://{address}")
            # Restarts say it again.
            self._addresses = []

    def _ended(self, status: int) -> NoReturn:
        """Raises the problem that it has ended by itself."""
        said = [line.decode(errors="replace") for line in self._said]
        if taken := [line for line in said if "could not bind to address" in line]:
            _no_address(taken[0].rpartition("address ")[2], "it is taken")
        fail(
            "N339",
            f"httpd has ended by itself, with status {status}",
            said,
            ("narthex apache check looks for what is wrong",),
        )


class _Lines:
    """What comes through a pipe, cut into lines."""

    def __init__(
        self, source: IO[bytes], target: int, hear: Callable[[bytes], None]
    ) -> None:
        self.source = source
        self._target = target
        self._hear = hear
        self._rest = b""

    def pass_on(self) -> bool:
        """Passes on what there is; whether there may be more."""
        data = os.read(self.source.fileno(), 65536)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if not data and self._rest:
            lines, self._rest = [self._rest], b""
        for line in lines:
            _write(self._target, line + b"\n")
            self._hear(line)
        return bool(data)


def _write(target: int, data: bytes) -> None:
    # Nobody may be left to be told; httpd serves all the same.
    with contextlib.suppress(OSError):
        while data:
            data = data[os.write(target, data) :]


def _tell(text: str) -> None:
    _write(sys.stderr.fileno(), f"narthex: {text}\n".encode(errors="surrogateescape"))


def _ours_alone() -> Callable[[], None]:
    """What a child does before it becomes httpd.

    It gets a group of its own, since httpd ends its whole group, and the keys of the
    terminal are for us: at the first Ctrl-C requests end. And it ends when we are
    killed.
    """
    set_death_signal: Callable[[], object] = int
    if sys.platform == "linux":
        import ctypes

        prctl = ctypes.CDLL(None).prctl

        def set_death_signal() -> object:
            return prctl(_SET_DEATH_SIGNAL, signal.SIGTERM)

    def prepare() -> None:
        os.setpgid(0, 0)
        set_death_signal()

    return prepare
