"""An httpd of one's own: `narthex apache serve`."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import socket
import tempfile
from typing import NamedTuple

from narthex._apache import access, httpd
from narthex._apache.foreground import Foreground, no_address, tell
from narthex._apache.fragment import Fragment
from narthex._init import quoting
from narthex._init.files import filled
from narthex._init.problems import fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

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
        text = _configuration(fragment, server, private, reader, addresses, state)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(
            descriptor, "w", encoding="utf-8", errors="surrogateescape"
        ) as stream:
            stream.write(text)
        return Foreground(server.program, file, [*map(str, addresses)]).run()


def _variables() -> list[tuple[str, str]]:
    """Our variables as settings of a group, whose processes inherit none.

    Those that steer us are not for them.
    """
    settings = []
    for name, value in os.environ.items():
        if not _VARIABLE.fullmatch(name) or name.startswith("NARTHEX_") or not value:
            continue
        if "${" in value or not set(value).isdisjoint(_UNSPEAKABLE):
            tell(f"{name} is not passed on: httpd takes no such value")
            continue
        settings.append(("env", f"{name}={value}"))
    return settings


def _configuration(
    fragment: Fragment,
    server: Httpd,
    private: Private,
    reader: access.User | None,
    addresses: list[Address],
    state: str,
) -> str:
    documents = os.path.join(state, "htdocs")
    os.mkdir(documents)
    os.chmod(documents, 0o755)
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
            "user": "\n".join(_identity(reader, private)),
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
        tell(f"httpd never serves as root: it serves as {reader.name} (--user)")
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


def _identity(reader: access.User | None, private: Private) -> list[str]:
    """The lines that say whom httpd serves as."""
    if reader is None:
        return []
    _, _, group = (private.user or "").partition(":")
    own = pwd.getpwnam(reader.name).pw_gid
    return [
        f"User {quoting.apache(reader.name)}",
        f"Group {quoting.apache(group or f'#{own}')}",
    ]


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
                no_address(texts[index], error.strerror or str(error))
            addresses[index] = Address(host, holder.getsockname()[1])
        yield addresses


def _address(text: str) -> Address:
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found["port"]) > 65535:
        no_address(text, "httpd listens on HOST:PORT, with an IPv6 address in brackets")
    # A port alone is for this machine, as with other commands; an empty host for all.
    host = "127.0.0.1" if found["host"] is None else found["host"] or "0.0.0.0"
    return Address(host, int(found["port"]))
