"""Files with certificates: mistakes at the start, and changes later."""

from __future__ import annotations

import shutil
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from command.running import run

from .certificates import Authority, Pair, openssl
from .conftest import SITE
from .talking import connect, get, https_port

if TYPE_CHECKING:
    from .conftest import Starter


def refused(tmp_path: Path, *options: str | Path) -> str:
    """What a start says that fails."""
    words = map(str, options)
    done = run("serve", str(SITE), "--bind", "127.0.0.1:0", *words, cwd=tmp_path)
    said = done.stderr.decode()
    assert done.returncode == 1, said
    assert "Traceback" not in said
    assert len(said.splitlines()) < 15
    return said


def check(tmp_path: Path, *options: str | Path) -> str:
    """What `narthex check` finds."""
    words = map(str, options)
    done = run("check", str(SITE), "--bind", "127.0.0.1:0", *words, cwd=tmp_path)
    return done.stdout.decode()


@pytest.fixture
def mistakes(
    authority: Authority, pair: Pair, tmp_path: Path
) -> dict[str, tuple[tuple[str | Path, ...], str, str]]:
    """Options with a mistake in them, the code and what to do about it."""
    other = authority.issue("other")
    encrypted = tmp_path / "encrypted.key"
    openssl(
        *("pkey", "-in", pair.key, "-aes256", "-passout", "pass:x", "-out", encrypted)
    )
    old = tmp_path / "old.key"
    openssl(
        *("ec", "-in", pair.key, "-aes256", "-passout", "pass:x", "-out", old),
    )
    order = tmp_path / "order.pem"
    order.write_bytes(authority.certificate.read_bytes() + pair.chain.read_bytes())
    damaged = tmp_path / "damaged.pem"
    damaged.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    empty = tmp_path / "empty.pem"
    empty.touch()
    chain, key = pair
    c, k = "--certificate", "--key"
    return {
        "key alone": ((k, key), "N230", "--certificate FILE"),
        "two keys": ((c, chain, k, key, k, key), "N230", "same order"),
        "no authority": (
            (c, chain, k, key, "--client-verify", "optional"),
            "N230",
            "--client-ca FILE",
        ),
        "absent": ((c, "absent.pem", k, key), "N232", "exists"),
        "directory": ((c, chain, k, tmp_path), "N232", "read it"),
        "empty": ((c, empty, k, key), "N233", "BEGIN CERTIFICATE"),
        "swapped": ((c, key, k, chain), "N233", "BEGIN CERTIFICATE"),
        "no key": ((c, chain), "N234", "by --key"),
        "empty key": ((c, chain, k, empty), "N234", "BEGIN PRIVATE KEY"),
        "password": ((c, chain, k, encrypted), "N235", "openssl pkey -in"),
        "old password": ((c, chain, k, old), "N235", "openssl pkey -in"),
        "another's key": ((c, chain, k, other.key), "N236", "-pubkey"),
        "order": ((c, order, k, key), "N237", "comes first"),
        "damaged": ((c, damaged, k, key), "N238", "damaged.pem"),
        "authorities": (
            (c, chain, k, key, "--client-ca", key),
            "N233",
            "BEGIN CERTIFICATE",
        ),
    }


def test_mistakes_are_told_with_what_to_do(
    mistakes: dict[str, tuple[tuple[str | Path, ...], str, str]], tmp_path: Path
) -> None:
    for name, (options, code, fix) in mistakes.items():
        said = refused(tmp_path, *options)
        assert code in said, (name, said)
        assert fix in said, (name, said)
    options, code, fix = mistakes["another's key"]
    found = check(tmp_path, *options)
    assert code in found
    assert fix in found


def test_other_backends_refuse_instead_of_serving_in_the_clear(
    pair: Pair, tmp_path: Path
) -> None:
    done = run(
        *("run", str(SITE), "--bind", "127.0.0.1:0", "--backend", "tiny-http"),
        *pair.options,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert b"N231" in done.stderr


def test_an_expired_certificate_is_told(
    start: Starter, authority: Authority, pair: Pair, tmp_path: Path
) -> None:
    expired = authority.issue("localhost", file="expired", days=-1)
    server = start(*expired.options)
    https_port(server)
    server.wait_for(r"warning: the certificate in .*expired\.pem has expired: 20\d\d-")
    assert "warn  HTTPS: the certificate in" in check(tmp_path, *expired.options)
    assert "ok    HTTPS" in check(tmp_path, *pair.options)


def test_new_files_are_taken_over_and_broken_ones_are_not(
    start: Starter, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "renewed")
    first, second, third = (
        authority.issue("localhost", file=name) for name in ("first", "second", "third")
    )
    live = Pair(tmp_path / "live.pem", tmp_path / "live.key")

    def put(pair: Pair) -> None:
        for source, target in zip(pair, live, strict=True):
            new = target.with_suffix(".new")
            shutil.copy(source, new)
            new.replace(target)

    put(first)
    server = start(*live.options)
    port = https_port(server)
    context = authority.context()

    def serial() -> str:
        with connect(port, context) as sock:
            certificate = sock.getpeercert()
            assert certificate
            return str(certificate["serialNumber"])

    def serial_of(pair: Pair) -> str:
        text = openssl("x509", "-in", pair.chain, "-noout", "-serial").decode()
        return text.strip().partition("=")[2]

    with connect(port, context) as open_before:
        assert serial() == serial_of(first)
        put(second)
        server.wait_for("info: the new certificates are in use")
        assert serial() == serial_of(second)
        # Who was there before is not disturbed.
        open_before.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert open_before.recv(1000).startswith(b"HTTP/1.1 200 ")

    shutil.copy(third.key, live.key)
    server.wait_for(
        "error: the key in .* is not that of .*; the certificates from befo"
    )
    assert serial() == serial_of(second)
    shutil.copy(third.chain, live.chain)
    server.wait_for("info: the new certificates are in use")
    assert serial() == serial_of(third)
    assert sum("error" in line for line in server.said) == 1
    live.key.unlink()
    server.wait_for(r"error: cannot read .*live\.key")
    assert get(port, context) == b"hello"


def test_reload_keeps_tls(
    start: Starter, authority: Authority, pair: Pair, tmp_path: Path
) -> None:
    site = tmp_path / "reloaded.py"
    shutil.copy(SITE, site)
    server = start(*pair.options, "--insecure-bind", "127.0.0.1:0", "--reload")
    port = https_port(server)
    plain = server.wait_for_port()
    assert get(port, authority.context()) == b"hello"
    with pytest.raises(ssl.SSLError):
        connect(plain, authority.context())
