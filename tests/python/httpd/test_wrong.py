"""Wrong configurations, and the one line that `apachectl configtest` has for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from httpd.site import checked

if TYPE_CHECKING:
    from pathlib import Path

# Lines of configuration, and what the one line about them says.
WRONG = {
    "no python": (
        "NarthexPython ${HERE}/nowhere",
        "NarthexPython: there is no HERE/nowhere: write the directory of an",
    ),
    "a directory that is no environment": (
        "NarthexPython ${HERE}",
        "NarthexPython: HERE is no environment of Python: there is no bin/python in it",
    ),
    "a file that is no program": (
        "NarthexPython ${HERE}/app.py",
        "NarthexPython: HERE/app.py is no program",
    ),
    "several pythons at once": ("NarthexPython a b", "NarthexPython: write one path"),
    "no application": (
        "<Location /a>\nNarthexApp ${HERE}/nowhere.py:app\n</Location>",
        "NarthexApp: there is no file HERE/nowhere.py",
    ),
    "an option for an application": (
        "<Location /a>\nNarthexApp --help\n</Location>",
        'NarthexApp: "--help" is no application: write /srv/app.py:app',
    ),
    "a place that is many": (
        "<Location /a*>\nNarthexApp ${HERE}/app.py:app\n</Location>",
        'NarthexApp: <Location "/a*"> is many paths, and an application is mounted at',
    ),
    "a place that is no path": (
        "<If true>\nNarthexApp ${HERE}/app.py:app\n</If>",
        "NarthexApp: an application is mounted at a path, and <If> is none",
    ),
    "a group that nobody has defined": (
        "NarthexProcess group:shop",
        "NarthexProcess: there is no group shop: write NarthexGroup shop",
    ),
    "a group that is mistyped": (
        "NarthexGroup shop\nNarthexProcess group:shpo",
        "NarthexProcess: there is no group shpo; perhaps shop is meant",
    ),
    "nowhere to run": (
        "NarthexProcess embedded",
        "NarthexProcess: embedded is no place to run: write inline, group:NAME,",
    ),
    "a group without a name": (
        "NarthexGroup",
        "NarthexGroup: write NarthexGroup NAME key=value",
    ),
    "a group with a name that is none": (
        "NarthexGroup a/b",
        'NarthexGroup: "a/b" is no name of a group: it may have letters, digits',
    ),
    "a setting without a value": (
        "NarthexGroup shop processes",
        "NarthexGroup: processes is no setting: write key=value",
    ),
    "a setting that there is not": (
        "NarthexGroup shop colour=red",
        "NarthexGroup: there is no setting colour; there are python, user,",
    ),
    "a setting that is mistyped": (
        "NarthexGroup shop proceses=2",
        "NarthexGroup: there is no setting proceses; perhaps processes is meant",
    ),
    "no number": (
        "NarthexGroup shop processes=many",
        "NarthexGroup: processes=many: write a number from 1 to",
    ),
    "a mask that is none": (
        "NarthexGroup shop umask=9",
        "NarthexGroup: umask=9: write it octal: 027",
    ),
    "a directory that is not there": (
        "NarthexGroup shop chdir=${HERE}/nowhere",
        "NarthexGroup: there is no directory HERE/nowhere",
    ),
    "a user that is not there": (
        "NarthexGroup shop user=nobody-at-all",
        "NarthexGroup: there is no user nobody-at-all",
    ),
    "users that are not there": (
        "NarthexGroup shop group=nobody-at-all",
        "NarthexGroup: there is no group of users nobody-at-all",
    ),
    "a user that cannot be had": (
        "NarthexGroup shop user=root",
        "NarthexGroup: httpd is not started as root, so it can start nothing as root",
    ),
    "a python of a group": (
        "NarthexGroup shop python=${HERE}/nowhere",
        "NarthexGroup: there is no HERE/nowhere",
    ),
    "a variable that is none": (
        "NarthexGroup shop env=HOME",
        "NarthexGroup: env=HOME: write NAME=value",
    ),
    "an option with hyphens": (
        "NarthexOption --limit-body 10",
        "NarthexOption: write it without dashes: NarthexOption limit-body",
    ),
    "an option that is mistyped": (
        "NarthexOption limit-bdy 10",
        "NarthexOption: there is no option limit-bdy; perhaps limit-body is meant",
    ),
    "an option without its value": (
        "NarthexOption limit-body",
        "NarthexOption: the option limit-body wants a value",
    ),
    "a value that is not wanted": (
        "NarthexOption serialize yes",
        "NarthexOption: the option serialize takes no value",
    ),
    "an option of httpd's": (
        "NarthexOption bind 127.0.0.1:8000",
        "NarthexOption: the option bind is not for an application in httpd: httpd",
    ),
    "an option of a group's": (
        "NarthexOption workers 4",
        "NarthexOption: the option workers is not for an application in httpd: it is a"
        " setting of a group: write NarthexGroup NAME processes=",
    ),
    "neither on nor off": ("NarthexDebug perhaps", "NarthexDebug: write On or Off"),
    "a reload that cannot be": (
        "NarthexReload On\nNarthexProcess inline",
        "NarthexReload: an application in httpd itself (NarthexProcess inline) is",
    ),
    "a second python in httpd": (
        "<VirtualHost *>\nNarthexPython /usr\nNarthexProcess inline\n</VirtualHost>",
        "NarthexProcess: httpd itself has one Python,",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_one_line_says_what_is_wrong(tmp_path: Path, name: str) -> None:
    lines, expected = WRONG[name]
    (tmp_path / "app.py").write_text("")
    python = "" if lines.startswith("NarthexPython") else "NarthexPython ${PYTHON}\n"
    status, said = checked(f"{python}{lines}\n", tmp_path)
    about = [line for line in said if "Narthex" in line or "narthex" in line]
    assert status != 0
    assert len(about) == 1, said
    assert expected in about[0]
    assert "HERE/httpd.conf:" in about[0]


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    lines = "NarthexPython ${PYTHON}\nNarthexDebug perhaps\nNarthexOption bnd 1\n"
    status, said = checked(lines, tmp_path)
    assert status != 0
    assert [line for line in said if "NarthexDebug: write On" in line]
    assert [line for line in said if "NarthexOption: there is no option bnd" in line]


def test_what_is_right_is_passed_over_in_silence(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("raise SystemExit('it is not to be run')\n")
    lines = """\
NarthexPython ${PYTHON}
NarthexGroup shop processes=2 ${ENVIRONMENT}
<Location /a>
    NarthexProcess group:shop
    NarthexApp ${HERE}/app.py:app
</Location>
"""
    assert checked(lines, tmp_path) == (0, ["Syntax OK"])
