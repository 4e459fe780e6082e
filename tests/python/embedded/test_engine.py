"""The engine by its table: what httpd makes it do, without httpd."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import narthex
from narthex import _narthex

HERE = Path(__file__).parent
ERROR, WARNING = 3, 4


def drive(
    *requests: dict[str, Any],
    arguments: tuple[str, ...] = (),
    app: str = "site.py:wsgi",
    api: str = "wsgi",
    **more: Any,
) -> dict[str, Any]:
    """Has an application answer requests in a host of its own."""
    told = {
        "engine": inspect.getfile(_narthex),
        "arguments": ["--api", api, *arguments, "--", f"{HERE}/{app}"],
        "requests": requests,
        **more,
    }
    ran = subprocess.run(
        [sys.executable, HERE / "host.py", json.dumps(told)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    said: dict[str, Any] = json.loads(ran.stdout)
    return said


def lines(said: dict[str, Any], level: int = ERROR) -> list[str]:
    """What was logged at a level."""
    return [line for _, logged, line in said["log"] if logged == level]


def test_versions_are_compared() -> None:
    said = drive()
    assert said["stranger"] is False
    assert said["speaks"] == 1
    assert said["release"] == narthex.__version__


def test_another_python_in_the_process_is_refused() -> None:
    said = drive(executable="/elsewhere/bin/python")
    assert said["begun"] == 1
    assert "N313" in said["why"]
    assert "Fix:" in said["why"]


def test_what_an_application_begins_is_ended() -> None:
    said = drive()
    assert lines(said)[-2:] == ["thread", "atexit"]
    assert any("SIGTERM" in line and "site.py:" in line for line in lines(said))


def test_an_environ_is_that_of_any_backend() -> None:
    told = {
        "target": "/app/a%20b//c?d=%41",
        "mount": "/app",
        "path_info": "/a b/c",  # httpd squeezes slashes
        "fields": {"X-A": "1", "X_B": "hidden", "Cookie": "c=d"},
        "variables": {"SET": "by configuration"},
    }
    said = drive(told, told, told, {**told, "secure": True, "protocol": 2000})
    *shown, secure = (json.loads(answer["body"]) for answer in said["answers"])
    assert shown[0] == shown[1] == shown[2]
    environ = shown[0]
    assert environ["SCRIPT_NAME"] == "/app"
    assert environ["PATH_INFO"] == "/a b//c"
    assert environ["QUERY_STRING"] == "d=%41"
    assert environ["REQUEST_URI"] == "/app/a%20b//c?d=%41"
    assert environ["SERVER_SOFTWARE"] == "miniature/1"
    assert environ["SET"] == "by configuration"
    assert environ["HTTP_X_A"] == "1"
    assert "HTTP_X_B" not in environ
    assert environ["wsgi.multithread"] is True
    assert not environ["wsgi.multiprocess"]
    assert secure["wsgi.url_scheme"] == "https"
    assert secure["HTTPS"] == "on"
    assert secure["SERVER_PROTOCOL"] == "HTTP/2"


def test_users_and_rewritten_paths_are_told() -> None:
    said = drive(
        {"user": "alice"},
        {"target": "/old?a=b", "path_info": "/new", "query": "c=d"},
        {},
    )
    user, moved, plain = (json.loads(answer["body"]) for answer in said["answers"])
    assert (user["REMOTE_USER"], user["AUTH_TYPE"]) == ("alice", "Basic")
    assert (moved["PATH_INFO"], moved["QUERY_STRING"]) == ("/new", "c=d")
    assert moved["REQUEST_URI"] == "/old?a=b"
    assert "REMOTE_USER" not in plain
    assert plain["PATH_INFO"] == "/"


def test_what_is_remembered_is_what_is_told() -> None:
    requests: list[dict[str, Any]] = [
        {"fields": {"X-A": "1"}},
        {"fields": {"X-A": "1"}},
        {"fields": {"X-A": "2"}, "target": "/x?y"},
        {"fields": {"X-B": "2"}, "target": "/x?y"},
        {"fields": {"X-B": "2"}, "target": "/x?y", "method": "PUT"},
        {"fields": {"X-B": "2"}, "target": "/x?y", "port": 5},
        {"fields": {"X-B": "2"}, "target": "/x?y", "port": 5, "path_info": "/z"},
        {"fields": {"X-B": "2"}, "target": "/x?y", "port": 5, "mount": "/x"},
        {"fields": {"X-B": "2"}, "target": "/", "variables": {"A": "b"}},
        {"fields": {"X-B": "2" * 9000}, "target": "/", "variables": {"A": "c"}},
        {"fields": {"X-B": "2"}, "target": "/", "variables": {"A": "c"}},
    ]
    requests[7]["path_info"] = ""
    together = drive(*requests, *requests)
    apart = [drive(each)["answers"][0] for each in requests]
    assert together["answers"] == apart + apart


def test_bodies_and_pieces() -> None:
    said = drive(
        {"target": "/body", "method": "POST", "body": "x" * 100_000},
        {"target": "/pieces"},
        {"target": "/pieces"},
        {"target": "/file"},
        {"target": "/half"},
    )
    body, first, second, file, half = said["answers"]
    assert body["body"] == "x" * 100_000
    assert body["whole"]
    assert body["status"] == "200 Fine"
    assert first["body"] == second["body"] == "ab"
    assert second["whole"]
    assert file["body"] == (HERE / "site.py").read_text()
    assert file["by_descriptor"]
    assert half["body"] == "half"
    assert not half["whole"]
    assert half["returned"] == 1


def test_an_application_that_exits_fails_its_request_only() -> None:
    said = drive({"target": "/exit"}, {"target": "/exit"}, {"target": "/body"})
    statuses = [answer["status"] for answer in said["answers"]]
    assert statuses == ["500 Internal Server Error"] * 2 + ["200 Fine"]
    assert lines(said).count("SystemExit: told to") == 2


def test_what_is_printed_is_in_the_log_of_its_request() -> None:
    said = drive({"target": "/print"})
    logged = [(inside, line) for inside, _, line in said["log"]]
    assert (False, "imported") in logged
    assert (True, "half a line") in logged
    assert (True, "and more") in logged


def test_the_host_is_asked_and_told() -> None:
    for app, api in (("wsgi", "wsgi"), ("transaction", "transaction")):
        said = drive({"target": "/native"}, app=f"site.py:{app}", api=api)
        shown = json.loads(said["answers"][0]["body"])
        assert shown["name"] == "apache"
        assert shown["notes"] == {"from": "a module", "to": "a module"}
        assert shown["user"] == "alice"
        assert shown["tls"] is None
        assert shown["server"] == {"admin": "webmaster@example.com"}
        assert shown["lookup"]["filename"] == "/srv/a"
        assert shown["lookup"]["exists"]
        assert "on the thread that answers it" in shown["elsewhere"]
        assert [True, WARNING, "said so"] in said["log"]


def test_another_path_answers() -> None:
    for app, api in (("wsgi", "wsgi"), ("transaction", "transaction")):
        requests = [{"target": "/elsewhere"}, {"target": "/elsewhere"}]
        said = drive(*requests, {"target": "/file"}, app=f"site.py:{app}", api=api)
        *moved, file = said["answers"]
        path = "/other?x=1" if api == "wsgi" else "/other"
        assert moved == [{"redirect": path, "returned": 0}] * 2
        assert file["body"] == (HERE / "site.py").read_text()
        assert file["whole"]


def test_what_makes_no_sense_is_refused() -> None:
    said = drive({}, arguments=("--bind", "127.0.0.1:0", "--access-log", "x"))
    assert said["answers"] == []
    assert "N311" in said["why"]
    assert "--access-log, --bind" in said["why"]
    assert "CustomLog" in said["why"]
    assert "unexpected argument" in drive(arguments=("--nonsense",))["why"]
    assert "N102" in drive(app="site.py:nothing")["why"]
