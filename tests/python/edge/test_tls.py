"""HTTPS, as clients see it."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest

from command.running import PATIENCE
from command.running import get as get_plain

from .certificates import Authority
from .site import PIECE, PIECES
from .talking import (
    connect,
    get,
    https_port,
    read_all,
    resident,
    variables,
    wait_until_closed,
)

if TYPE_CHECKING:
    from pathlib import Path

    from .certificates import Pair
    from .conftest import Starter

GET = b"GET %s HTTP/1.%d\r\nHost: localhost\r\n\r\n"


def test_the_application_knows_that_it_is_served_by_tls(
    start: Starter, authority: Authority, pair: Pair
) -> None:
    port = https_port(start(*pair.options))
    told = variables(port, authority.context())
    assert told["wsgi.url_scheme"] == "https"
    assert told["HTTPS"] == "on"
    assert told["SERVER_PORT"] == str(port)
    assert told["SSL_PROTOCOL"] == "TLSv1.3"
    assert told["SSL_CIPHER"].startswith("TLS_")
    assert told["SSL_TLS_SNI"] == "localhost"
    assert told["SSL_CLIENT_VERIFY"] == "NONE"
    assert "SSL_CLIENT_S_DN" not in told


def test_the_native_api_is_told_the_same(
    start: Starter, authority: Authority, pair: Pair
) -> None:
    server = start(
        *(*pair.options, "--insecure-bind", "127.0.0.1:0", "--api", "transaction"),
        application="native",
    )
    port = https_port(server)
    told = json.loads(get(port, authority.context()))
    assert told["scheme"] == "https"
    assert told["native"]["SSL_PROTOCOL"] == "TLSv1.3"
    told = json.loads(get_plain(server.wait_for_port()).body)
    assert told == {"scheme": "http", "native": None}


def test_the_key_may_stand_behind_the_certificate(
    start: Starter, authority: Authority, pair: Pair, tmp_path: Path
) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(pair.chain.read_bytes() + pair.key.read_bytes())
    port = https_port(start("--certificate", str(both)))
    assert get(port, authority.context()) == b"hello"


def test_versions_below_the_least_are_refused(
    start: Starter, authority: Authority, pair: Pair
) -> None:
    port = https_port(start(*pair.options))
    old = authority.context()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    told = variables(port, old)
    assert told["SSL_PROTOCOL"] == "TLSv1.2"
    assert re.fullmatch(r"ECDHE-ECDSA-(AES|CHACHA)[A-Z0-9-]+", told["SSL_CIPHER"])
    newest = https_port(start(*pair.options, "--tls-minimum", "1.3"))
    with pytest.raises(ssl.SSLError, match=r"(?i)version"):
        connect(newest, old)
    assert get(newest, authority.context()) == b"hello"


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["h2", "http/1.1"], "h2"),
        (["http/1.1"], "http/1.1"),
        ([], None),
    ],
)
def test_the_protocol_is_agreed_on(
    start: Starter,
    authority: Authority,
    pair: Pair,
    offered: list[str],
    chosen: str | None,
) -> None:
    context = authority.context()
    if offered:
        context.set_alpn_protocols(offered)
    with connect(https_port(start(*pair.options)), context) as sock:
        assert sock.selected_alpn_protocol() == chosen


def test_a_name_gets_its_certificate(start: Starter, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "names")
    pairs = [authority.issue(name) for name in ("one.test", "*.two.test", "three.test")]
    options = [word for pair in pairs for word in pair.options]
    port = https_port(start(*options))

    def shown(name: str) -> str:
        context = authority.context()
        context.check_hostname = False
        with connect(port, context, name) as sock:
            certificate = sock.getpeercert()
            assert certificate
            names: tuple[tuple[str, str], ...] = certificate["subjectAltName"]  # type: ignore[assignment]
            return names[0][1]

    assert shown("three.test") == "three.test"
    assert shown("a.two.test") == "*.two.test"
    assert shown("one.test") == "one.test"
    assert shown("unknown.test") == "one.test"


def test_a_client_is_asked_for_its_certificate(
    start: Starter, authority: Authority, pair: Pair, tmp_path: Path
) -> None:
    ca = ("--client-ca", str(authority.certificate))
    anna = authority.issue("anna", subject="/O=Friends, Inc./CN=Änna")
    stranger = Authority(tmp_path / "other", "Other CA").issue("eve")
    server = start(*pair.options, *ca)
    port = https_port(server)
    told = variables(port, authority.context(anna))
    assert told["SSL_CLIENT_VERIFY"] == "SUCCESS"
    subject = told["SSL_CLIENT_S_DN"].encode("latin-1").decode()
    assert subject == "CN=Änna,O=Friends\\, Inc."
    assert told["SSL_CLIENT_I_DN"] == "CN=Test CA"
    shown = ssl.PEM_cert_to_DER_cert(told["SSL_CLIENT_CERT"])
    assert shown == ssl.PEM_cert_to_DER_cert(anna.chain.read_text())
    for client in (None, stranger):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            get(port, authority.context(client))
    server.wait_for("refused: .*(?i:certificate)")

    optional = https_port(start(*pair.options, *ca, "--client-verify", "optional"))
    assert variables(optional, authority.context(anna))["SSL_CLIENT_VERIFY"] == (
        "SUCCESS"
    )
    assert variables(optional, authority.context())["SSL_CLIENT_VERIFY"] == "NONE"
    with pytest.raises((ssl.SSLError, ConnectionError)):
        get(optional, authority.context(stranger))


def test_a_client_comes_back_with_its_ticket(
    start: Starter, authority: Authority, pair: Pair
) -> None:
    port = https_port(start(*pair.options))
    context = authority.context()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = version
        with connect(port, context) as first:
            first.sendall(GET % (b"/", 1))
            assert first.recv(1000)  # with TLS 1.3 the ticket comes along
            session = first.session
        plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
        with context.wrap_socket(
            plain, server_hostname="localhost", session=session
        ) as second:
            assert second.session_reused


def test_plain_http_is_told_so(start: Starter, pair: Pair) -> None:
    port = https_port(start(*pair.options))
    answer = get_plain(port)
    assert answer.status == 400
    assert b"HTTPS" in answer.body
    # A request that does not end is answered as well, and not waited for.
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\nabc")
        assert sock.recv(1000).startswith(b"HTTP/1.1 400 ")
        assert wait_until_closed(sock) < 10


def test_unsecured_addresses_stand_beside(
    start: Starter, authority: Authority, pair: Pair, tmp_path: Path
) -> None:
    path = tmp_path / "socket"
    server = start(
        *(*pair.options, "--bind", "127.0.0.1:0", "--bind", f"unix:{path}"),
        *("--insecure-bind", "127.0.0.1:0"),
    )
    secured = https_port(server)
    unsecured = server.wait_for_port()
    assert get(secured, authority.context()) == b"hello"
    assert get_plain(unsecured).body == b"hello"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(str(path))
        sock.sendall(GET % (b"/", 1))
        assert sock.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_silent_and_slow_handshakes_are_ended(
    start: Starter, authority: Authority, pair: Pair
) -> None:
    port = https_port(start(*pair.options, "--header-timeout", "1"))
    socks = [socket.create_connection(("127.0.0.1", port), PATIENCE) for _ in range(50)]
    for sock in socks[:25]:
        sock.sendall(b"\x16\x03\x01")
    # Nobody waits for them.
    assert get(port, authority.context()) == b"hello"
    for sock in socks:
        with sock:
            assert wait_until_closed(sock) < 10


def test_rubbish_does_no_harm(start: Starter, authority: Authority, pair: Pair) -> None:
    server = start(*pair.options)
    port = https_port(server)
    for rubbish in (
        b"\0" * 100,
        b"\x16\x03\x01\xff\xff" + b"z" * 70000,
        b"\x80\x2e\x01\0\2",
    ):
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
            with contextlib.suppress(ConnectionError):
                sock.sendall(rubbish)
            wait_until_closed(sock)
    assert get(port, authority.context()) == b"hello"
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    assert not [line for line in server.said if "error" in line or "panic" in line]


def test_the_end_of_a_connection_is_said(
    start: Starter, authority: Authority, pair: Pair
) -> None:
    port = https_port(start(*pair.options))
    with connect(port, authority.context()) as sock:
        sock.sendall(GET % (b"/", 0))  # the end of the connection ends the body
        assert read_all(sock).endswith(b"hello")


def test_a_cut_response_is_seen_to_be_cut(
    start: Starter, authority: Authority, pair: Pair
) -> None:
    port = https_port(start(*pair.options))
    unread = b"POST /cut HTTP/1.0\r\nContent-Length: 200000\r\n\r\n" + bytes(100_000)
    for request in (GET % (b"/cut", 0), GET % (b"/cut", 1), unread):
        with connect(port, authority.context()) as sock:
            sock.sendall(request)
            received = bytearray()
            with pytest.raises((ssl.SSLError, ConnectionError)):
                read_all(sock, received)
            assert b"half of it" in received


def test_large_bodies_take_no_memory(
    start: Starter, authority: Authority, pair: Pair
) -> None:
    server = start(*pair.options)
    port = https_port(server)
    context = authority.context()
    assert get(port, context) == b"hello"
    before = resident(server.process.pid)
    with connect(port, context) as sock:
        sock.sendall(GET % (b"/big", 0))
        assert len(read_all(sock)) > len(PIECE) * PIECES
    with connect(port, context) as sock:
        size = len(PIECE) * PIECES
        head = b"POST /upload HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % size
        sock.sendall(head)
        for _ in range(PIECES):
            sock.sendall(PIECE)
        assert read_all(sock).endswith(b"\r\n\r\n%d" % size)
    assert resident(server.process.pid) - before < 8192


def test_a_slow_reader_gets_everything(
    start: Starter, authority: Authority, pair: Pair
) -> None:
    """What TLS holds back for want of room is sent once there is room."""
    port = https_port(start(*pair.options))
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.settimeout(PATIENCE)
    plain.connect(("127.0.0.1", port))
    with authority.context().wrap_socket(plain, server_hostname="localhost") as sock:
        sock.sendall(GET % (b"/whole", 1))
        time.sleep(0.3)  # for the socket to fill up
        received = bytearray()
        while not received.endswith(b"y" * 400_000):
            piece = sock.recv(3000)
            assert piece
            received += piece


def test_pipelined_requests_are_answered_together(
    start: Starter, authority: Authority, pair: Pair
) -> None:
    port = https_port(start(*pair.options))
    with connect(port, authority.context()) as sock:
        sock.sendall(GET % (b"/", 1) * 15 + GET % (b"/", 0))
        received = read_all(sock)
    assert received.count(b"HTTP/1.") == 16
    assert received.count(b"hello") == 16


def test_a_stop_waits_for_requests_and_not_for_handshakes(
    start: Starter, authority: Authority, pair: Pair
) -> None:
    server = start(*pair.options)
    port = https_port(server)
    answer: list[bytes] = []
    silent = socket.create_connection(("127.0.0.1", port), PATIENCE)
    with silent, connect(port, authority.context()) as sock:
        sock.sendall(GET % (b"/quiet", 0))
        head = sock.recv(1000)
        reader = threading.Thread(target=lambda: answer.append(read_all(sock)))
        reader.start()
        server.send(signal.SIGTERM)
        assert server.wait() == 0
        reader.join(PATIENCE)
    assert (head + answer[0]).endswith(b"aaaa")


def test_openssl_and_curl_agree(
    start: Starter, authority: Authority, pair: Pair
) -> None:
    port = https_port(start(*pair.options))
    ca = str(authority.certificate)
    client = subprocess.run(
        [
            *("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", ca),
            *("-servername", "localhost", "-verify_return_error"),
            *("-alpn", "h2,http/1.1"),
        ],
        input=b"",
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert client.returncode == 0, client.stderr.decode()
    assert b"ALPN protocol: h2" in client.stdout
    assert b"Verify return code: 0 (ok)" in client.stdout
    for version in ("--http1.1", "--http2"):
        told = subprocess.run(
            [
                *("curl", "-sS", "--noproxy", "*", "--cacert", ca, version),
                *("--resolve", f"localhost:{port}:127.0.0.1"),
                *("-w", "%{http_version}", f"https://localhost:{port}/"),
            ],
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        assert told.stdout == b"hello" + version[6:].encode(), told.stderr.decode()
