"""Every option of `narthex serve` is one for an application in httpd, or is httpd's."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

from httpd.site import checked

if TYPE_CHECKING:
    from pathlib import Path


def test_no_option_is_unknown(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "narthex", "serve", "--help"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    options = set(re.findall(r"^\s+(?:-\w, )?--([a-z0-9-]+)", text, re.MULTILINE))
    assert {"api", "bind", "slow", "workers"} <= options
    options -= {"help"}
    lines = "".join(f"NarthexOption {option} 1\n" for option in sorted(options))
    _, said = checked(lines, tmp_path)
    assert [line for line in said if "there is no option" in line] == []
    assert [line for line in said if "bind is not for an application" in line]
