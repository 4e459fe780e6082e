"""The forms of APP, and how the API is found out; without the extension."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from narthex import _api, _load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HELLO = """\
def app(environ, start_response):
    return ["named app"]
def other(environ, start_response):
    return ["other"]
def make(word, times=1):
    return lambda environ, start_response: [word * times]
class Holder:
    inner = staticmethod(app)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty current directory; what is imported from it is forgotten again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("hello_x", "named app"),
        ("hello_x:other", "other"),
        ("hello_x:Holder.inner", "named app"),
        ("hello_x.py", "named app"),
        ("./hello_x.py:other", "other"),
        ('hello_x:make("a")', "a"),
        ("hello_x:make('ab', times=2)", "abab"),
        ('hello_x.py:make("(:")', "(:"),
    ],
)
def test_forms(place: Path, text: str, answer: str) -> None:
    (place / "hello_x.py").write_text(HELLO)
    loaded = _load.load(text)
    assert loaded.app({}, None) == [answer]
    assert loaded.api == _api.WSGI


@pytest.mark.parametrize("file", ["app.py", "wsgi.py", "main.py", "proj/wsgi.py"])
def test_directories(place: Path, file: str) -> None:
    (place / "d" / file).parent.mkdir(parents=True)
    (place / "d" / file).write_text(HELLO)
    loaded = _load.load("d")
    assert loaded.app({}, None) == ["named app"]
    assert ("file", str(place / "d" / file)) in [note[:2] for note in loaded.notes]


def test_file_of_a_package_keeps_its_name(place: Path) -> None:
    (place / "shop_x").mkdir()
    (place / "shop_x" / "__init__.py").write_text("word = 'package'\n")
    (place / "shop_x" / "web.py").write_text(
        "from . import word\ndef app(e, s): return [word, __name__]\n"
    )
    loaded = _load.load("shop_x/web.py")
    assert loaded.app({}, None) == ["package", "shop_x.web"]


@pytest.mark.parametrize("name", ["time.py", "json.py", "my-app.cgi", "site.fcgi"])
def test_file_with_a_name_that_is_taken_or_no_module_name(
    place: Path, name: str
) -> None:
    (place / name).write_text(HELLO)
    import json
    import time

    loaded = _load.load(name)
    assert loaded.app({}, None) == ["named app"]
    assert sys.modules["json"] is json
    assert sys.modules["time"] is time


def test_app_dir(place: Path) -> None:
    (place / "src").mkdir()
    (place / "src" / "hello_x.py").write_text(HELLO)
    assert _load.load("hello_x", "src").app({}, None) == ["named app"]
    assert sys.path[0] == str(place / "src")


def test_order_of_attributes_and_what_is_passed_over(place: Path) -> None:
    (place / "hello_x.py").write_text(
        "app = 'no'\ndef wsgi(e, s): return ['wsgi']\ndef api(e, s): return ['api']\n"
    )
    loaded = _load.load("hello_x")
    assert loaded.app({}, None) == ["api"]
    assert loaded.name == "hello_x:api"
    assert ("passed over", "app", "it is a str") in loaded.notes


def test_a_factory_is_called_and_that_is_said(place: Path) -> None:
    (place / "hello_x.py").write_text(
        "def create_app(config=None): return lambda e, s: ['made']\n"
    )
    loaded = _load.load("hello_x")
    assert loaded.app({}, None) == ["made"]
    subjects = {note[0]: note for note in loaded.notes}
    assert subjects["factory"][1] == "hello_x:create_app()"


def test_the_api_that_is_asked_for_is_not_doubted(place: Path) -> None:
    (place / "hello_x.py").write_text("def app(*words): return list(words)\n")
    assert _load.load("hello_x", api="transaction").api == "transaction"


def test_unreadable_file(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "hello_x.py").write_text(HELLO)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may read every file
    with pytest.raises(_load.StartError) as caught:
        _load.load("hello_x.py")
    problem = caught.value.problem
    assert problem.code == "N109"
    assert f"{place}/hello_x.py: permission denied" in problem.details
    assert problem.fixes == [f"let this user read it: chmod a+r {place}/hello_x.py"]


def test_watched_directories_are_the_users(place: Path) -> None:
    (place / "hello_x.py").write_text(HELLO)
    _load.load("hello_x")
    watched = _load.watched()
    assert str(place.resolve()) in watched
    assert str(Path(os.__file__).parent) not in watched
    assert not [path for path in watched if "site-packages" in path]


def wsgi(environ: Any, start_response: Any) -> None: ...
def wsgi_with_default(environ: Any, start_response: Any, more: Any = None) -> None: ...
def anything(*words: Any, **more: Any) -> None: ...
def one(t: Any) -> None: ...
def nothing() -> None: ...
def optional(settings: Any = None) -> None: ...
def three(a: Any, b: Any, c: Any) -> None: ...
def keyword(a: Any, b: Any, *, c: Any) -> None: ...
async def asgi(scope: Any, receive: Any, send: Any) -> None: ...
async def asgi_with_setting(a: Any, b: Any, c: Any, *, setting: Any) -> None: ...
async def asynchronous(t: Any) -> None: ...
def create_app(settings: Any) -> None: ...


def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*words: Any, **more: Any) -> Any:
        return function(*words, **more)

    return wrapper


class Callable2:
    def __call__(self, environ: Any, start_response: Any) -> None: ...

    def method(self, environ: Any, start_response: Any) -> None: ...

    @staticmethod
    def static(environ: Any, start_response: Any) -> None: ...

    @classmethod
    def of_class(cls, environ: Any, start_response: Any) -> None: ...


class CallableAsgi:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


class Responder:
    def respond(self, t: Any) -> None: ...


class PepClass:
    def __init__(self, environ: Any, start_response: Any) -> None: ...


class NeedsOne:
    def __init__(self, settings: Any) -> None: ...


@pytest.mark.parametrize(
    ("candidate", "api"),
    [
        (wsgi, "wsgi"),
        (wsgi_with_default, "wsgi"),
        (anything, "wsgi"),
        (wrapped(one), "transaction"),
        (wrapped(asgi), "asgi"),
        (one, "transaction"),
        (nothing, "factory"),
        (optional, "factory"),
        (three, "unknown"),
        (keyword, "unknown"),
        (asgi, "asgi"),
        (asynchronous, "unknown"),
        (create_app, "unknown"),
        (Callable2(), "wsgi"),
        (Callable2, "factory"),
        (Callable2().method, "wsgi"),
        (Callable2.static, "wsgi"),
        (Callable2.of_class, "wsgi"),
        (CallableAsgi(), "asgi"),
        (Responder(), "transaction"),
        (Responder, "factory"),
        (PepClass, "wsgi"),
        (NeedsOne, "unknown"),
        (functools.partial(three, 1), "wsgi"),
        (functools.partial(asgi_with_setting, setting=1), "asgi"),
        (functools.partial(wsgi, None), "transaction"),
        ({}, "unknown"),
        (None, "unknown"),
    ],
    # The addresses in a repr differ from process to process.
    ids=lambda value: re.sub(r" at 0x[0-9a-f]+", "", repr(value)),
)
def test_detection(candidate: Any, api: str) -> None:
    name = getattr(candidate, "__name__", "")
    assert _api.api_of(candidate, f"module:{name}")[0] == api


def test_importing_the_loader_is_cheap() -> None:
    program = (
        "import os, __future__, narthex; before = set(sys.modules)\n"
        "import narthex._load; print(*sorted(set(sys.modules) - before))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", f"import sys; {program}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.split() == ["narthex._api", "narthex._load"]
