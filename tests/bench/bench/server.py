"""What is said of a server, and how that becomes a command."""

from __future__ import annotations

import enum
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
CACHE = HERE / ".cache"
APPLICATIONS = HERE / "apps"


OURS = "narthex"
SYSTEM = "system"
BUILT = "built"


class Role(enum.Enum):
    """Why a server is in the bench; a scenario names the roles it plays with."""

    PLAIN = "what people run"
    FAST = "near the limit of one thread"
    PIPELINED = "answers several requests sent at once"
    TWO_THREADS = "two threads for input and output"
    CONCURRENT = "serves many slow requests at once"
    NATIVE = "an API of its own"
    TWO_PROCESSES = "two worker processes"
    TLS = "encrypted connections"
    HTTP2 = "speaks HTTP/2"
    OBSERVED = "logs, metrics and a trusted proxy"
    STATIC = "serves files"
    GATEWAY = "behind nginx"
    GATEWAY_TRANSFER = "behind nginx, moves large bodies"
    PROGRAM = "run for each request"
    HTTPD = "run by httpd for each request"
    APACHE_EVENT = "inside httpd with threads"
    APACHE_PREFORK = "inside httpd with processes"
    APACHE_GROUP = "processes that httpd hands requests to"
    APACHE_TRANSFER = "behind or inside httpd, moves large bodies"


@dataclass(frozen=True)
class Script:
    """An executable file that is made before a server starts.

    Attributes:
        interpreter: Stands behind its `#!`, with the words of a command line.
        source: The file of `apps` that the rest of it is.
    """

    interpreter: str
    source: str

    def write(self, path: Path, values: Mapping[str, str]) -> None:
        """Makes the file."""
        source = (APPLICATIONS / self.source).read_text()
        path.write_text(f"#!{self.interpreter.format_map(values)}\n{source}")
        path.chmod(0o755)


@dataclass(frozen=True)
class Server:
    """A server and its settings.

    Attributes:
        name: Its name in the tables.
        package: The distribution it comes from, as requirements.txt spells it,
            `SYSTEM` where the machine has it, or `BUILT` where the bench compiles it.
        command: Its command line, where `{python}` and `{bin}` are the interpreter
            and the scripts of the environment, `{port}` the port to listen on,
            `{socket}` the Unix socket to listen on instead, `{module}` the module whose
            `app` it runs, `{cache}` the folder of what the bench compiles, `{program}`
            the file that `script` makes, `{scratch}` a folder of its own, with a
            certificate `certificate.pem` and its `key.pem`.
        note: What the command line means, in a few words.
        roles: Why it is here.
        api: The folder of `apps` with the applications it runs.
        front: The file of `apps/nginx/pass` by which nginx stands before it; it then
            listens on `{socket}`.
        script: What `{program}` is, beside copies of its API's applications.
        needs: Distributions it needs besides.
        tools: Programs of the machine it needs.
    """

    name: str
    package: str
    command: tuple[str, ...]
    note: str
    roles: frozenset[Role]
    api: str = "wsgi"
    front: str = ""
    script: Script | None = None
    needs: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()

    @property
    def is_program(self) -> bool:
        """Whether it listens nowhere and is run for each request."""
        return Role.PROGRAM in self.roles

    def command_line(
        self, python: Path, module: str, port: int, scratch: Path
    ) -> list[str]:
        """Fills in the command line, and makes the script that it names."""
        values = {
            "scratch": str(scratch),
            "socket": str(socket_of(scratch)),
            "program": str(scratch / "program.py"),
            "cache": str(CACHE),
            "python": str(python),
            "bin": str(python.parent),
            "port": str(port),
            "module": module,
        }
        if self.script is not None:
            for source in (APPLICATIONS / self.api).glob("*.py"):
                shutil.copy(source, scratch)
            self.script.write(Path(values["program"]), values)
        return [part.format_map(values) for part in self.command]

    def runs(self, module: str) -> bool:
        """Tells whether there is an application of this name for its API."""
        return any((APPLICATIONS / self.api).glob(f"{module}.*"))


def socket_of(scratch: Path) -> Path:
    """Returns where a server listens that nginx stands before."""
    return scratch / "backend"


def words(text: str, *more: str) -> tuple[str, ...]:
    """Splits a command line; `more` are words that hold spaces."""
    return (*text.split(), *more)
