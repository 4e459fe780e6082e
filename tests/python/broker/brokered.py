"""A broker, what it is told, and applications for it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from narthex._apache.native import broker
from support.fronts.httpd import not_as_root
from support.log import Log

from .asking import PATIENCE, Answer, get

if TYPE_CHECKING:
    from collections.abc import Sequence
    from subprocess import CompletedProcess

VERSION = re.search(
    r'(?m)^version = "(.*)"$', (Path(__file__).parents[3] / "Cargo.toml").read_text()
)


def _word(value: object) -> str:
    """A word as the broker reads it."""
    text = os.fsencode(str(value))
    plain = "".join(
        chr(byte) if 0x20 < byte < 0x7F and byte != 0x5C else f"\\x{byte:02x}"
        for byte in text
    )
    return plain or "\\e"


Groups = dict[str, dict[str, Any]]


class Refused(Exception):
    """The broker says no."""


class How(NamedTuple):
    """How a broker is started.

    Attributes:
        privileged: As root.
        httpd: The process that it lives as long as; this one by default.
        run_as: The user of the children of httpd.
        inherited: Descriptors that are left open for it.
    """

    privileged: bool = False
    httpd: int | None = None
    run_as: str | None = None
    inherited: tuple[int, ...] = ()


class Broker:
    """A broker, whose httpd is this process."""

    def __init__(self, folder: Path, groups: Groups, how: How | None = None) -> None:
        """Starts it, and waits until it can be asked.

        Raises:
            Refused: It says why it does not start.
        """
        self.folder = folder
        self.control = str(folder / "sockets" / "control")
        self.log = Log()
        self._status = 0
        how = how or How()
        self._run_as = how.run_as or (
            "1000" if os.geteuid() == 0 else str(os.geteuid())
        )
        self.environment = {
            **os.environ,
            "NARTHEX_RUNTIME_DIR": str(folder / "run"),
            "SECRET": "of httpd",
        }
        self.process = subprocess.Popen(
            [
                *([] if how.privileged else not_as_root()),
                broker(),
                "--child-of",
                str(how.httpd or os.getpid()),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment,
            pass_fds=how.inherited,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._reader = self.log.follow(self.process.stderr)
        self.process.stdin.write(self.definition(groups).encode())
        self.process.stdin.close()
        answer = self.process.stdout.read().decode()
        self.process.stdout.close()
        if answer != "defined\n":
            self.process.wait(PATIENCE)
            raise Refused(_words(answer)[1])

    def definition(self, groups: Groups) -> str:
        """Writes what the broker is told."""
        assert VERSION
        lines = [
            f"narthex-broker {VERSION[1]}",
            "name httpd",
            f"run {self._run_as} {self._run_as}",
            f"control {_word(self.control)}",
        ]
        for name, settings in groups.items():
            lines.append(f"group {_word(name)}")
            for key, value in settings.items():
                values = value if isinstance(value, list) else [value]
                lines += [f"set {key} {_word(each)}" for each in values]
        return "\n".join([*lines, "end", ""])

    def ask(self, question: str) -> list[str]:
        """Asks at the control socket.

        Raises:
            Refused: It says no.
        """
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(self.control)
            client.sendall(question.encode())
            client.shutdown(socket.SHUT_WR)
            with client.makefile("rb") as answer:
                words = _words(answer.read().decode())
        if words[0] == "refused":
            raise Refused(words[1])
        return words

    def define(self, groups: Groups) -> None:
        """Has it go by another definition."""
        assert self.ask("define\n" + self.definition(groups)) == ["defined"]

    def open(self, group: str, *arguments: object) -> str:
        """The path of the socket of a pool."""
        words = " ".join(["open", _word(group), *map(_word, arguments)])
        return self.ask(words + "\n")[1]

    def command(self, *words: str) -> CompletedProcess[bytes]:
        """Runs the command ``narthex`` for it."""
        return subprocess.run(
            [sys.executable, "-m", "narthex", *words],
            env=self.environment,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )

    @property
    def processes(self) -> list[int]:
        """The processes that it has started, unless they have been reaped."""
        return children(self.process.pid)

    def kill(self) -> None:
        """Ends it without a word."""
        self.process.kill()
        self.process.wait()
        self._status = -signal.SIGKILL

    def stop(self) -> None:
        """Ends it; nothing of it may stay.

        Raises:
            AssertionError: Something does.
        """
        left = self.processes
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        self._reader.join(PATIENCE)
        assert status == self._status, self.log.since()
        assert not [process for process in left if is_running(process)]
        if status == 0:
            assert not (self.folder / "sockets").exists()
        assert "panicked" not in "\n".join(self.log.since())


def _words(line: str) -> list[str]:
    def byte(found: re.Match[str]) -> str:
        return chr(int(found[1], 16)) if found[1] else ""

    assert line.endswith("\n"), line
    return [re.sub(r"\\(?:x(..)|e)", byte, word) for word in line[:-1].split(" ")]


def children(process: int) -> list[int]:
    """The children of a process, those that have ended left out."""
    path = Path(f"/proc/{process}/task/{process}/children")
    try:
        found = [int(number) for number in path.read_text().split()]
    except FileNotFoundError:
        return []
    return [child for child in found if is_running(child)]


def is_running(process: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def who(path: str) -> int:
    """The process that answers."""
    answer = get(path)
    assert answer.status == 200, answer
    return int(answer.body.split()[-1])


def all_well(answers: Sequence[Answer]) -> bool:
    """Whether each is a page."""
    bad = [answer for answer in answers if answer.status != 200]
    assert not bad, bad
    return all(answer.status == 200 and answer.protocol == 0 for answer in answers)
