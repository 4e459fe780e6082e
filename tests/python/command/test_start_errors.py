"""Each mistake at the start: its code, its place, what to do, on one screen."""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from .running import APP, run

if TYPE_CHECKING:
    from pathlib import Path


class Mistake(NamedTuple):
    code: str
    app: str
    files: dict[str, str]
    expected: list[str]


MISTAKES = {
    "unknown module": Mistake(
        "N101", "appp:app", {"app.py": APP}, ["no module 'appp'", "did you mean app?"]
    ),
    "module in a folder": Mistake(
        "N101",
        "shop:app",
        {"src/shop.py": APP},
        ["no module 'shop'", "it lies in src: add --app-dir src"],
    ),
    "unknown submodule": Mistake(
        "N101",
        "shop.vews:app",
        {"shop/__init__.py": "", "shop/views.py": APP},
        ["no module 'shop.vews'", "did you mean views?"],
    ),
    "unknown attribute": Mistake(
        "N102",
        "app:aplication",
        {
            "app.py": "def application(environ, start_response): ...\n"
            "async def live(scope, receive, send): ...\n"
            "def native(t): ...\n"
        },
        [
            "has no attribute 'aplication'",
            "{dir}/app.py",
            "application  wsgi",
            "live  asgi",
            "native  transaction",
            "did you mean app:application?",
        ],
    ),
    "unknown inner attribute": Mistake(
        "N102",
        "app:site.wsgi",
        {"app.py": "class Site: pass\nsite = Site()\n"},
        ["Site object in 'app:site.wsgi' has no attribute 'wsgi'"],
    ),
    "syntax error": Mistake(
        "N103",
        "app",
        {"app.py": "import os\n\ndef app(:\n    pass\n"},
        ["{dir}/app.py:3", "def app(:", "        ^"],
    ),
    "syntax error in an imported module": Mistake(
        "N103",
        "app",
        {"app.py": "import helper\n", "helper.py": "x = = 1\n"},
        ["{dir}/helper.py:1", "imported by {dir}/app.py:1"],
    ),
    "missing dependency": Mistake(
        "N104",
        "app",
        {"app.py": "import os\nimport nosuch_library\n"},
        [
            "'nosuch_library', which is not installed",
            "{dir}/app.py:2, in <module>",
            f"{sys.executable} -m pip install nosuch-library",
        ],
    ),
    "dependency known by another name": Mistake(
        "N104",
        "app",
        {"app.py": "import MySQLdb.nothing\n"},
        ["{dir}/app.py:1", "-m pip install mysqlclient"],
    ),
    "circular import": Mistake(
        "N105",
        "one",
        {
            "one.py": "from two import b\na = 1\n",
            "two.py": "from one import a\nb = 1\n",
        },
        [
            "cannot import name 'a' from partially initialized module 'one'",
            "{dir}/one.py:1, in <module>",
            "{dir}/two.py:1, in <module>",
            "import each other in a ring",
        ],
    ),
    "wrong name imported": Mistake(
        "N105",
        "app",
        {"app.py": "\nfrom os import no_such_name\n"},
        ["cannot import name 'no_such_name' from 'os'", "{dir}/app.py:2"],
    ),
    "exception at import": Mistake(
        "N106",
        "app",
        {
            "app.py": "import settings\n",
            "settings.py": "def read():\n    return {}['debug']\n\nread()\n",
        },
        [
            "KeyError: 'debug'",
            "{dir}/app.py:1, in <module>",
            "{dir}/settings.py:4, in <module>",
            "{dir}/settings.py:2, in read",
            "return {}['debug']",
        ],
    ),
    "exception with a cause": Mistake(
        "N106",
        "app",
        {
            "app.py": "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n"
            "    raise RuntimeError('no settings') from error\n"
        },
        [
            "RuntimeError: no settings",
            "{dir}/app.py:4",
            "caused by ZeroDivisionError: division by zero",
            "{dir}/app.py:2",
        ],
    ),
    "deep recursion": Mistake(
        "N106",
        "app",
        {"app.py": "def f(): f()\nf()\n"},
        ["RecursionError", "{dir}/app.py:2, in <module>", "{dir}/app.py:1, in f"],
    ),
    "no application": Mistake(
        "N107",
        "app",
        {"app.py": "def serve(environ, start_response): ...\n"},
        ["no application found in module 'app'", "{dir}/app.py", "app:serve"],
    ),
    "no application in a directory": Mistake(
        "N107",
        ".",
        {"shop.py": APP, "setup.py": ""},
        ["no application found in .", "It has: shop.py", "name the file: shop.py"],
    ),
    "unknown file": Mistake(
        "N108", "./ap.py", {"app.py": APP}, ["no file ./ap.py", "did you mean app.py?"]
    ),
    "not callable": Mistake(
        "N110",
        "app:settings",
        {"app.py": "settings = {}\n" + APP},
        ["app:settings is no application", "dict", "{dir}/app.py", "app  wsgi"],
    ),
    "factory that gives nothing": Mistake(
        "N110",
        "app:create_app",
        {"app.py": "def create_app():\n    pass\n"},
        ["has to return the application"],
    ),
    "factory that needs arguments": Mistake(
        "N111",
        "app:create_app",
        {"app.py": "\ndef create_app(settings): ...\n"},
        ["needs one argument", "{dir}/app.py:2", 'app:create_app("...")'],
    ),
    "factory with wrong arguments": Mistake(
        "N111",
        "app:create_app()",
        {"app.py": "def create_app(settings): ...\n"},
        ["missing 1 required positional argument: 'settings'"],
    ),
    "no known signature": Mistake(
        "N112",
        "app",
        {"app.py": "def app(a, b, c, d): ...\n"},
        ["takes 4 arguments", "{dir}/app.py:1", "--api wsgi"],
    ),
    "ASGI": Mistake(
        "N113",
        "app",
        {"app.py": "\nasync def app(scope, receive, send): ...\n"},
        ["app:app is an ASGI application", "{dir}/app.py:2", "serves WSGI"],
    ),
    "failing factory": Mistake(
        "N114",
        "app:create_app",
        {"app.py": "def create_app():\n    return open('/nowhere/at/all')\n"},
        ["FileNotFoundError", "{dir}/app.py:2, in create_app"],
    ),
    "exit at import": Mistake(
        "N115",
        "app",
        {"app.py": "import sys\nsys.exit('bye')\n"},
        ["SystemExit: bye", "{dir}/app.py:2", '__name__ == "__main__"'],
    ),
    "no application named": Mistake(
        "N116", "app:", {"app.py": APP}, ["'app:' does not name", "module:attribute"]
    ),
    "argument that is no literal": Mistake(
        "N117",
        "app:create_app(open('x'))",
        {"app.py": "def create_app(x): ...\n"},
        ["(open('x'))", "write literals"],
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_mistakes(mistake: Mistake, tmp_path: Path) -> None:
    for name, text in mistake.files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    ended = run("run", mistake.app, "--bind", "127.0.0.1:0", cwd=tmp_path)
    message = ended.stderr.decode()
    assert ended.returncode == 1
    assert message.startswith(f"narthex: error {mistake.code}:")
    assert len(message.splitlines()) <= 25
    for text in mistake.expected:
        assert text.replace("{dir}", str(tmp_path)) in message
    assert "importlib" not in message
    assert "_load.py" not in message
    assert "\x1b" not in message
    assert ended.stdout == b""


def test_another_environment_is_named(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import nosuch_library\n")
    active = tmp_path / "env"
    ended = run(
        "run", "app", cwd=tmp_path, env={"VIRTUAL_ENV": str(active), "PORT": "0"}
    )
    message = ended.stderr.decode()
    assert f"or is {active} meant?" in message
    assert f"{active}/bin/python -m pip install narthex" in message


def test_port_in_use(project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = run("run", "app", "--bind", address, cwd=project)
    message = ended.stderr.decode()
    assert ended.returncode == 1
    assert message.startswith(f"narthex: error N201: {address} is in use")
    assert f"process {os.getpid()} has it: " in message
    assert f"kill {os.getpid()}" in message
    assert len(message.splitlines()) <= 25


def test_the_port_is_taken_before_the_application_is_imported(project: Path) -> None:
    (project / "app.py").write_text("print('imported')\n" + APP)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = run("run", "app", "--bind", address, cwd=project)
    assert ended.stdout == b""


@pytest.mark.parametrize(
    ("address", "code", "expected"),
    [
        ("8000", "N203", "HOST:PORT"),
        ("192.0.2.1:0", "N203", "no address of this machine"),
        ("fd://0", "N205", "listening socket"),
        ("unix:/no/such/directory/socket", "N212", "unix:/no/such/directory/socket"),
    ],
)
def test_bad_addresses(project: Path, address: str, code: str, expected: str) -> None:
    ended = run("run", "app", "--bind", address, cwd=project)
    message = ended.stderr.decode()
    assert ended.returncode == 1
    assert message.startswith(f"narthex: error {code}:")
    assert expected in message


def test_access_log_that_cannot_be_opened(project: Path) -> None:
    log = "/no/such/directory/access.log"
    ended = run("run", "app", "--bind", "127.0.0.1:0", "--access-log", log, cwd=project)
    assert ended.returncode == 1
    assert ended.stderr.decode().startswith(
        f"narthex: error N208: the access log {log}"
    )


def test_wrong_option_is_corrected(project: Path) -> None:
    ended = run("run", "app", "--bnd", "127.0.0.1:0", cwd=project)
    assert ended.returncode == 2
    assert "'--bind'" in ended.stderr.decode()


def test_control_characters_of_the_application_are_not_obeyed(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("raise RuntimeError('\\x1b[2Jgone')\n")
    ended = run("run", "app", "--bind", "127.0.0.1:0", cwd=tmp_path)
    assert rb"RuntimeError: \x1b[2Jgone" in ended.stderr
    assert b"\x1b" not in ended.stderr
