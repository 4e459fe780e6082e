"""A site that httpd serves with our module: a folder, and lines of configuration."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from support.client import ClosedError, Connection
from support.fronts.apache import environment, serving
from support.fronts.httpd import Httpd, configure, not_as_root, quoted
from support.fronts.program import PATIENCE, find_program
from support.messages import Request
from support.processes import children, descendants

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from support.log import Log
    from support.messages import Response

APPLICATIONS = Path(__file__).parent / "applications"
MODULES = ("narthex", "alias", "dir", "mime")


def definitions(folder: Path) -> str:
    """What lines of configuration name without knowing it.

    `${HERE}` is the folder of the site, `${PYTHON}` the interpreter of the suite, and
    `${ENVIRONMENT}` what makes the suite importable, as a setting of a group. httpd's
    own lines have `${PORT}`.
    """
    path = environment({})["PYTHONPATH"]
    return f"""\
Define HERE {quoted(folder)}
Define PYTHON {quoted(sys.executable)}
Define ENVIRONMENT {quoted(f"env=PYTHONPATH={path}")}
ErrorLogFormat %M
TypesConfig /dev/null
"""


# What runs in no group of its own can import the suite as well.
_GROUPS = """\
<IfModule narthex_module>
    NarthexPython ${PYTHON}
    NarthexGroup default ${ENVIRONMENT}
    NarthexGroup %{SITE} ${ENVIRONMENT}
    NarthexGroup %{DIR} ${ENVIRONMENT}
</IfModule>
"""


class Site:
    """httpd with lines of configuration about the files of a folder.

    Attributes:
        folder: Where everything is; it goes with the site.
        here: The folder of the site within that.
        httpd: Serves them.
    """

    def __init__(
        self,
        lines: str,
        *,
        files: Path | None = None,
        modules: Sequence[str] = (),
        usual: Sequence[str] = MODULES,
        mpm: str = "event",
        variables: Mapping[str, str] | None = None,
        root: bool = False,
        before: Sequence[str] = (),
    ) -> None:
        """Copies the applications of the suite, and `files`, and starts httpd."""
        # Not below pytest's: the path of a socket must be short.
        self.folder = Path(tempfile.mkdtemp(prefix="narthex-"))
        if root:
            self.folder.chmod(0o755)
        self.here = self.folder / "site"
        # Not a package there: each file is an application.
        alone = shutil.ignore_patterns("__*")
        shutil.copytree(APPLICATIONS, self.here, ignore=alone)
        if files:
            shutil.copytree(files, self.here, dirs_exist_ok=True, ignore=alone)
        try:
            self.httpd = Httpd(
                self.folder,
                definitions(self.here) + _GROUPS + lines,
                [*usual, *modules],
                mpm=mpm,
                variables={**environment({}), **(variables or {})},
                root=root,
                before=before,
            )
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        try:
            # It listens before it looks at all of its configuration.
            self.ask("*", "OPTIONS")
        except ClosedError:
            pass  # It wants TLS.
        except OSError as error:
            said = "\n".join(self.log.since())
            self.stop()
            raise AssertionError(f"httpd does not answer:\n{said}") from error

    @property
    def log(self) -> Log:
        """What httpd and the applications say."""
        return self.httpd.log

    def connect(self, deadline: float = PATIENCE) -> Connection:
        """Opens a connection."""
        return Connection(("127.0.0.1", self.httpd.port), deadline)

    def ask(
        self,
        target: str,
        method: str = "GET",
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Response:
        """Sends a request on a connection of its own."""
        with self.connect() as connection:
            return connection.request(Request(method, target, tuple(headers), body))

    def processes(self, *, inline: bool = False) -> list[int]:
        """Where applications run: in children of httpd, or in those of groups."""
        return serving(self.httpd.pid, inline=inline)

    def everything(self) -> list[int]:
        """Every process below httpd."""
        return descendants(self.httpd.pid)

    def children(self) -> list[int]:
        """The processes that httpd has started itself."""
        return children(self.httpd.pid)

    def stop(self) -> None:
        """Ends httpd; nothing may be left of it."""
        everything = self.everything()
        try:
            self.httpd.stop()
            until(lambda: all(map(has_ended, everything)), "an end of everything")
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Site:
        """Returns itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Ends it; where something has failed, the log may say why."""
        if kind is not None:
            print(*self.log.since()[-200:], sep="\n")
        self.stop()


def has_ended(process: int) -> bool:
    """Whether a process has ended: an orphan may wait to be reaped."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def until(holds: Callable[[], bool], what: str = "that") -> None:
    """Waits until something holds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"it never came to {what}"
        time.sleep(0.02)


def checked(
    lines: str,
    folder: Path,
    modules: Sequence[str] = (),
    mpm: str = "event",
) -> tuple[int, list[str]]:
    """What `apachectl configtest` makes of lines: its status, and what it prints."""
    configuration = configure(
        folder, 1, definitions(folder) + lines, [*MODULES, *modules], mpm
    )
    outcome = subprocess.run(
        [*not_as_root(), find_program("apache2"), "-t", "-f", configuration],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    said = outcome.stdout + outcome.stderr
    return outcome.returncode, said.replace(str(folder), "HERE").splitlines()
