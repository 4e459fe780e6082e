"""`narthex init systemd`: the units, checked and started by systemd's own programs."""

from __future__ import annotations

import configparser
import os
import shlex
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from command.running import PATIENCE, environment
from deploy.front import program, running

from .sites import AWKWARD, Site, answers_everything, ask, made_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["", AWKWARD], ids=["plain", "awkward"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with made_site(request.param) as site:
        yield site


def unit(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(
        strict=False, interpolation=None, delimiters="=", comment_prefixes="#"
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path)
    return parser


def words(command: str) -> list[str]:
    """A command of a unit, taken apart as systemd.service(5) says."""
    return [word.replace("$$", "$").replace("%%", "%") for word in shlex.split(command)]


def test_the_units_are_valid_and_hardened(site: Site) -> None:
    site.init("systemd", "--name", "shop", "--socket", str(site.socket))
    analyze = program("systemd-analyze")
    units = [str(site.output / f"shop.{kind}") for kind in ("service", "socket")]
    if "%" in AWKWARD and site.folder.name == AWKWARD:
        # It takes a file's own path for a pattern: only the files go elsewhere.
        site.init("systemd", "--name", "shop", "--output", str(site.state))
        units = [str(site.state / f"shop.{kind}") for kind in ("service", "socket")]
    for command in (
        ["verify", "--man=no", *units],
        # From 0, locked up, to 100, everything allowed.
        ["security", "--no-pager", "--offline=yes", "--threshold=25", units[0]],
    ):
        done = subprocess.run(
            [analyze, *command], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "shop." not in done.stderr, done.stderr


def test_the_service_starts_by_its_socket(site: Site) -> None:
    """`systemd-socket-activate` does what systemd does with the two units."""
    site.init("systemd", "--name", "shop", "--socket", str(site.socket))
    service = unit(site.output / "shop.service")["Service"]
    socket = unit(site.output / "shop.socket")["Socket"]
    assert socket["ListenStream"].replace("%%", "%") == str(site.socket)
    directory = service["WorkingDirectory"].replace("%%", "%")
    assert directory == str(site.folder)
    variables = environment({"NARTHEX_RUNTIME_DIR": str(site.state / "run")})
    passed = [f"--setenv={name}" for name in variables]
    activate = [program("systemd-socket-activate"), f"--listen={site.socket}", *passed]
    log = site.state / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [
                *("env", "--default-signal=HUP,INT,QUIT"),
                *(*activate, *words(service["ExecStart"])),
            ],
            cwd=directory,
            env=variables,
            stdout=output,
            stderr=output,
        )
    try:
        wait_for(site.socket, server)
        site.init_front("nginx")
        prefix = site.folder / "nginx"
        prefix.mkdir()
        conf = site.output / "shop.nginx-alone.conf"
        front = [program("nginx"), "-p", str(prefix), "-c", str(conf), "-e", "stderr"]
        with running(front, site.port, site.folder):
            (before,) = set(answers_everything(site.port, ""))
            done = subprocess.run(
                words(service["ExecReload"]),
                env=variables,
                capture_output=True,
                text=True,
                timeout=PATIENCE * 2,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            assert ask(site.port, "/").seen["process"] != before
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE) == 0, log.read_text()
    finally:
        server.kill()
        server.wait()


def wait_for(path: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        assert server.poll() is None, "it has ended"
        assert time.monotonic() < deadline, "no socket"
        time.sleep(0.02)


def test_users_and_homes() -> None:
    """A service is nobody in particular, unless it has to see what is in a home."""
    with made_site() as site:
        home = any(
            os.path.realpath(path).startswith(("/home/", "/root/"))
            for path in (sys.prefix, sys.base_prefix)
        )
        site.init("systemd", "--name", "shop")
        service = unit(site.output / "shop.service")["Service"]
        assert service["ProtectHome"] == ("read-only" if home else "yes")
        assert ("DynamicUser" in service) is not home
        site.init("systemd", "--name", "shop", "--user", "shop", "--force")
        service = unit(site.output / "shop.service")["Service"]
        assert service["User"] == "shop"
        assert "DynamicUser" not in service
        site.init("systemd", "--name", "shop", "--force", "--socket-owner", "nginx")
        assert unit(site.output / "shop.socket")["Socket"]["SocketUser"] == "nginx"
        # Workers make a parent, which is what can be reloaded; one worker needs asking.
        start = words(service["ExecStart"])
        assert start[-1] == "shop:application"
        assert "--supervise" in start
        site.init("systemd", "--name", "shop", "--force", "--workers", "3")
        service = unit(site.output / "shop.service")["Service"]
        start = words(service["ExecStart"])
        assert start[start.index("--workers") + 1] == "3"
