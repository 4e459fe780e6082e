"""The PROXY protocol: whom connections are passed on for."""

from __future__ import annotations

import json
import signal
import socket
import struct
import time
from typing import TYPE_CHECKING

import pytest

from command.running import PATIENCE, run

from .conftest import SITE
from .talking import https_port, read_all, variables, wait_until_closed

if TYPE_CHECKING:
    from pathlib import Path

    from command.running import Server

    from .certificates import Authority, Pair
    from .conftest import Starter

REQUEST = b"GET /environment HTTP/1.0\r\n\r\n"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
TEXT = b"PROXY TCP4 192.0.2.7 198.51.100.1 5555 443\r\n"
ADDRESSES = socket.inet_aton("192.0.2.7") + socket.inet_aton("198.51.100.1")
TRUSTED = ("--proxy-protocol", "--trust-proxy", "127.0.0.1,unix")


def binary(
    command: int = 1, family: int = 0x11, rest: bytes = b"", length: int | None = None
) -> bytes:
    """A header of version 2."""
    length = len(rest) if length is None else length
    return SIGNATURE + struct.pack(">BBH", 0x20 | command, family, length) + rest


IPV4 = ADDRESSES + struct.pack(">HH", 5555, 443)
BINARY = binary(rest=IPV4)


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), PATIENCE)


def told(sock: socket.socket, *pieces: bytes) -> dict[str, str]:
    """What the application is told of a request whose bytes come in pieces."""
    with sock:
        for piece in pieces:
            sock.sendall(piece)
        head, _, body = read_all(sock).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.0 200 "), head
        found: dict[str, str] = json.loads(body)
        return found


def assert_passed_on(environ: dict[str, str]) -> None:
    assert environ["REMOTE_ADDR"] == "192.0.2.7"
    assert environ["REMOTE_PORT"] == "5555"
    assert environ["SERVER_NAME"] == "198.51.100.1"
    assert environ["SERVER_PORT"] == "443"
    assert environ["wsgi.url_scheme"] == "http"


def assert_refused(port: int, *pieces: bytes) -> None:
    """Closed without a word, and soon."""
    with connect(port) as sock:
        received = b""
        try:
            for piece in pieces:
                sock.sendall(piece)
            received = read_all(sock)
        except ConnectionError:
            pass
        assert received == b"", received


def test_the_client_is_whom_the_proxy_names(start: Starter) -> None:
    port = start(*TRUSTED).wait_for_port()
    assert_passed_on(told(connect(port), TEXT + REQUEST))
    assert_passed_on(told(connect(port), BINARY + REQUEST))
    six = told(connect(port), b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n", REQUEST)
    assert six["REMOTE_ADDR"] == "2001:db8::1"
    over_tls = binary(rest=IPV4 + b"\x20\0\x05\x01\0\0\0\0")
    assert told(connect(port), over_tls, REQUEST)["wsgi.url_scheme"] == "https"


def test_a_proxy_may_speak_for_itself(start: Starter) -> None:
    port = start(*TRUSTED).wait_for_port()
    for header in (
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN ::1 ::1 1 2\r\n",
        binary(command=0, family=0),
        binary(command=0, rest=IPV4),
        binary(family=0),
    ):
        sock = connect(port)
        own = sock.getsockname()
        environ = told(sock, header + REQUEST)
        assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == (
            own[0],
            str(own[1]),
        )


def test_headers_may_come_in_pieces(start: Starter) -> None:
    port = start(*TRUSTED).wait_for_port()
    for header in (TEXT, BINARY, binary(rest=IPV4 + b"\x03\0\x04abcd")):
        whole = header + REQUEST
        sock = connect(port)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        assert_passed_on(told(sock, *(whole[n : n + 1] for n in range(len(whole)))))
        sock = connect(port)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(whole[:13])
        time.sleep(0.05)
        assert_passed_on(told(sock, whole[13:]))


def test_what_is_no_header_is_refused(start: Starter) -> None:
    server = start(*TRUSTED)
    port = server.wait_for_port()
    for bad in (
        REQUEST,
        b"\x16\x03\x01\x00",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 5555 443\n" + REQUEST,
        b"PROXY TCP4 192.0.2.7 198.51.100.1 5555 4430000\r\n" + REQUEST,
        b"PROXY TCP4 evil 198.51.100.1 5555 443\r\n" + REQUEST,
        b"PROXY " + b"A" * 200,
        binary(rest=IPV4, length=11) + REQUEST,
        binary(rest=IPV4, length=65535) + REQUEST,
        binary(family=0x21, rest=IPV4) + REQUEST,
        binary(family=0x12, rest=IPV4) + REQUEST,
        binary(command=7, rest=IPV4) + REQUEST,
        binary(rest=IPV4 + b"\x03\xff\xff") + REQUEST,
    ):
        assert_refused(port, bad)
    server.wait_for("info: connection of 127.0.0.1 refused: .*PROXY")
    assert_passed_on(told(connect(port), TEXT + REQUEST))
    # The log is not flooded by it.
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    assert sum("refused" in line for line in server.said) < 8


def test_only_the_first_header_counts(start: Starter) -> None:
    port = start(*TRUSTED).wait_for_port()
    with connect(port) as sock:
        sock.sendall(TEXT + TEXT + REQUEST)
        assert read_all(sock).startswith(b"HTTP/1.1 400 ")


def test_a_header_is_not_waited_for_for_ever(start: Starter) -> None:
    port = start(*TRUSTED, "--header-timeout", "0.5").wait_for_port()
    for begun in (b"", b"PROX", BINARY[:20]):
        with connect(port) as sock:
            sock.sendall(begun)
            assert wait_until_closed(sock) < 10


def test_peers_that_are_not_trusted_are_refused(start: Starter) -> None:
    server = start("--proxy-protocol", "--trust-proxy", "192.0.2.1")
    port = server.wait_for_port()
    assert_refused(port, TEXT + REQUEST)
    assert_refused(port, REQUEST)
    server.wait_for("refused: no proxy that --trust-proxy names")


def test_without_the_option_it_is_no_header(start: Starter) -> None:
    port = start("--trust-proxy", "127.0.0.1").wait_for_port()
    with connect(port) as sock:
        sock.sendall(TEXT + REQUEST)
        assert read_all(sock).startswith(b"HTTP/1.1 400 ")


def test_it_needs_somebody_to_trust(tmp_path: Path) -> None:
    done = run("serve", str(SITE), "--proxy-protocol", cwd=tmp_path)
    assert done.returncode == 1
    assert b"N239" in done.stderr
    assert b"--trust-proxy" in done.stderr


def test_it_comes_before_tls(start: Starter, authority: Authority, pair: Pair) -> None:
    port = https_port(start(*pair.options, *TRUSTED))
    with connect(port) as sock:
        sock.sendall(BINARY)
        with authority.context().wrap_socket(
            sock, server_hostname="localhost"
        ) as secured:
            secured.sendall(REQUEST)
            environ = json.loads(read_all(secured).partition(b"\r\n\r\n")[2])
    assert environ["REMOTE_ADDR"] == "192.0.2.7"
    assert environ["wsgi.url_scheme"] == "https"
    with pytest.raises((OSError, AssertionError)):
        variables(port, authority.context())


def test_it_is_known_on_unix_sockets(start: Starter, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    server: Server = start("--bind", f"unix:{path}", *TRUSTED)
    server.wait_for("listening on unix:")
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(PATIENCE)
    sock.connect(str(path))
    assert_passed_on(told(sock, TEXT, REQUEST))
