"""Becomes a command to which it passes sockets, as a service manager does."""

from __future__ import annotations

import os
import sys


def main(count: str, names: str, *command: str) -> None:
    """Replaces this process by `command`."""
    os.environ |= {
        "LISTEN_PID": str(os.getpid()),
        "LISTEN_FDS": count,
        "LISTEN_FDNAMES": names,
    }
    os.execv(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
