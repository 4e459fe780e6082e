"""Certificates for tests, made by openssl."""

from __future__ import annotations

import ssl
import subprocess
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class Pair(NamedTuple):
    """A certificate, followed by those that vouch for it, and its key."""

    chain: Path
    key: Path

    @property
    def options(self) -> tuple[str, ...]:
        return ("--certificate", str(self.chain), "--key", str(self.key))


def openssl(*words: str | Path, stdin: bytes = b"") -> bytes:
    """Runs openssl; it has to succeed."""
    done = subprocess.run(
        ["openssl", *map(str, words)], input=stdin, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc")


class Authority:
    """Signs certificates, in a directory of its own."""

    def __init__(self, directory: Path, name: str = "Test CA") -> None:
        directory.mkdir(exist_ok=True)
        self._directory = directory
        self.certificate = directory / "ca.pem"
        self._key = directory / "ca.key"
        openssl(
            *("req", "-x509", *_KEY, "-days", "30", "-subj", f"/CN={name}"),
            *("-keyout", self._key, "-out", self.certificate),
        )

    def issue(
        self,
        name: str,
        subject: str = "",
        file: str = "",
        days: int = 30,
    ) -> Pair:
        """Issues a certificate for the host or person `name`."""
        pair = self._pair(file or name)
        request = openssl(
            *("req", "-new", *_KEY, "-utf8", "-subj", subject or f"/CN={name}"),
            *("-keyout", pair.key),
        )
        extensions = pair.key.with_suffix(".ext")
        alternative = f"DNS:{name},IP:127.0.0.1"
        extensions.write_text(f"subjectAltName={alternative}\n")
        openssl(
            *("x509", "-req", "-CA", self.certificate, "-CAkey", self._key),
            *("-extfile", extensions, "-out", pair.chain, "-days", str(days)),
            stdin=request,
        )
        return pair

    def _pair(self, name: str) -> Pair:
        return Pair(self._directory / f"{name}.pem", self._directory / f"{name}.key")

    def context(self, client: Pair | None = None) -> ssl.SSLContext:
        """A client's view: this authority is trusted."""
        context = ssl.create_default_context(cafile=self.certificate)
        if client:
            context.load_cert_chain(client.chain, client.key)
        return context
