"""What a server says on stderr, line by line, with waits instead of polling."""

from __future__ import annotations

import re
import threading
from typing import IO


class Log:
    """The lines a server, or a row of CGI processes, wrote to stderr."""

    def __init__(self) -> None:
        """Starts empty."""
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._open = 0

    def follow(self, stream: IO[bytes]) -> threading.Thread:
        """Reads `stream` to its end in a thread of its own."""
        with self._changed:
            self._open += 1
        thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        thread.start()
        return thread

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                text = line.decode("utf-8", "backslashreplace").rstrip()
                with self._changed:
                    self._lines.append(text)
                    self._changed.notify_all()
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def mark(self) -> int:
        """Returns the present position, for `since` and `wait_for`."""
        with self._changed:
            return len(self._lines)

    def since(self, mark: int = 0) -> list[str]:
        """Lists the lines that came after `mark`."""
        with self._changed:
            return self._lines[mark:]

    def count(self, text: str) -> int:
        """Counts the lines that hold `text`."""
        with self._changed:
            return sum(text in line for line in self._lines)

    def wait_for(
        self,
        pattern: str,
        mark: int = 0,
        timeout: float = 15.0,
        while_open: bool = False,
    ) -> re.Match[str]:
        """Waits for a line that `pattern` is found in.

        Args:
            pattern: A regular expression.
            mark: The position to search from.
            timeout: Seconds to wait at most.
            while_open: Give up when every followed stream has ended.

        Raises:
            AssertionError: It did not come in time.
        """
        found: re.Match[str] | None = None
        seen = mark

        def present() -> bool:
            nonlocal found, seen
            while seen < len(self._lines) and not found:
                found = re.search(pattern, self._lines[seen])
                seen += 1
            return found is not None

        with self._changed:
            self._changed.wait_for(
                lambda: present() or (while_open and self._open == 0), timeout
            )
            if found is None:
                text = "\n".join(self._lines[mark:])
                raise AssertionError(f"no line with {pattern!r} in the log:\n{text}")
            return found
