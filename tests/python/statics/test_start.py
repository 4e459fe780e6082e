"""Options that make no sense are refused at the start; what runs ends well."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from command.running import run
from support.messages import Request

from . import site as sites

if TYPE_CHECKING:
    from pathlib import Path

LARGE = 30 << 20


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--static=/s=none"], "N240"),
        (["--static=/s=app.py"], "N240"),
        (["--static=/s=public", "--static=/s/=public"], "N241"),
        (
            [
                "--static=/s=public",
                "--static-cache=/s=1",
                "--static-header=/s: Cache-Control: no-store",
            ],
            "N242",
        ),
        (["--static=/s=public", "--static-cache=/other=1"], "N243"),
        (["--static=/s=public", "--static-header=/x: A: b"], "N243"),
        (["--static=s=public"], "a route starts with a slash: /s"),
        (["--static=/s"], "write a route and a directory"),
        (["--static=/../s=public"], "no dot segments"),
        (["--static=/s=public", "--static-cache=/s=1h"], "/static=3600"),
        (["--static=/s=public", "--static-header=/s: ETag: x"], "server's to say"),
    ],
)
def test_a_mistake_is_named(folder: Path, options: list[str], said: str) -> None:
    done = run("serve", "app.py", "--bind=127.0.0.1:0", *options, cwd=folder)
    assert done.returncode not in (0, -signal.SIGKILL)
    assert said in done.stderr.decode()


def test_backends_without_files_say_so(folder: Path) -> None:
    words = ("run", "--static=/s=public")
    tiny = run(*words, "--backend=tiny-http", "app.py", cwd=folder)
    assert tiny.returncode == 1
    assert "the backend tiny-http serves no files; hyper does" in tiny.stderr.decode()
    request = {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET"}
    gateway = run(*words, "app.py", cwd=folder, env=request)
    assert gateway.returncode == 1
    assert "under CGI the web server serves files" in gateway.stderr.decode()


def test_the_environment_can_say_it(folder: Path) -> None:
    environment = {
        "NARTHEX_STATIC": "/a=public,/b=public/docs",
        "NARTHEX_STATIC_CACHE": "/a=no-cache,/b=immutable",
        "NARTHEX_STATIC_HEADER": "/a: X-A: 1, 2\n/b: X-B: 3",
    }
    asked = sites.serve(folder, env=environment)
    try:
        first, second = asked.get("/a/app.css"), asked.get("/b/index.html")
    finally:
        asked.server.close()
    assert sites.value(first, "cache-control") == "no-cache"
    assert sites.value(first, "x-a") == "1, 2"
    assert sites.value(second, "cache-control") == "max-age=31536000, immutable"
    assert sites.value(second, "x-b") == "3"


def test_a_download_outlasts_the_stop_and_is_logged(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(sites.APP)
    with (tmp_path / "large.bin").open("wb") as file:
        file.truncate(LARGE)
    log = tmp_path / "access.log"
    asked = sites.serve(tmp_path, "--static=/static=.", f"--access-log={log}")
    try:
        assert asked.get("/static/app.py").status == 200
        with asked.connect() as connection:
            connection.send(Request("GET", "/static/large.bin"))
            received = len(connection.receive_some())
            asked.server.send(signal.SIGTERM)
            while piece := connection.receive_some():
                received += len(piece)
            assert received > LARGE
        assert asked.server.wait() == 0
    finally:
        asked.server.close()
    lines = log.read_text()
    assert '"GET /static/app.py HTTP/1.1" 200' in lines
    assert f'"GET /static/large.bin HTTP/1.1" 200 {LARGE}' in lines
