"""Requests and responses as the tests see them, whatever carried them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
FIELD_VALUE = re.compile(rb"[\t \x21-\x7e\x80-\xff]*")


class ProtocolError(Exception):
    """A server sent something that the protocol forbids."""


@dataclass(frozen=True)
class Request:
    """One request; a body that is not plain bytes is sent piece by piece.

    Attributes:
        method: The method.
        target: The target as it stands in the request line.
        headers: Fields in order; a `Host` is added where there is none.
        body: The body, or its pieces, which may be made while they are sent.
        length: What `Content-Length` says; by default the length of plain bytes.
        chunked: Whether the body is sent in chunks, one for each piece.
        version: The protocol in the request line.
    """

    method: str = "GET"
    target: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | Iterable[bytes] = b""
    length: int | None = None
    chunked: bool = False
    version: str = "HTTP/1.1"

    def fields(self, host: str) -> list[tuple[str, str]]:
        """Lists the fields to send, those of framing and `Host` included."""
        names = {name.lower() for name, _ in self.headers}
        fields = list(self.headers)
        if "host" not in names:
            fields.insert(0, ("Host", host))
        if self.chunked:
            fields.append(("Transfer-Encoding", "chunked"))
        elif "content-length" not in names:
            length = self.length
            if length is None and isinstance(self.body, bytes) and self.body:
                length = len(self.body)
            if length is not None:
                fields.append(("Content-Length", str(length)))
        return fields

    def pieces(self) -> Iterable[bytes]:
        """Iterates over the body as it is to be sent, without framing."""
        if isinstance(self.body, bytes):
            return (self.body,) if self.body else ()
        return self.body


@dataclass(frozen=True)
class Response:
    """One response.

    Attributes:
        status: The status code.
        reason: The reason phrase; may be empty.
        headers: Fields in order, names in lower case, values as Latin-1.
        body: As much of the body as arrived.
        complete: Whether the client can tell that it has all of it.
    """

    status: int
    reason: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    complete: bool = True

    def all(self, name: str) -> list[str]:
        """Lists the values of the field `name`, in order."""
        return [value for known, value in self.headers if known == name.lower()]

    def header(self, name: str) -> str | None:
        """Returns the value of a field that stands once, `None` where it is absent."""
        values = self.all(name)
        if len(values) > 1:
            raise ProtocolError(f"{name} stands {len(values)} times: {values}")
        return values[0] if values else None

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode()


def parse_field(line: bytes) -> tuple[str, str]:
    """Parses one field line, without its line end.

    Raises:
        ProtocolError: It is no field (RFC 9112, 5).
    """
    name, colon, value = line.partition(b":")
    if not colon or not TOKEN.fullmatch(name) or not FIELD_VALUE.fullmatch(value):
        raise ProtocolError(f"malformed field {line!r}")
    return name.decode("ascii").lower(), value.strip(b" \t").decode("latin-1")


def declared_length(headers: list[tuple[str, str]]) -> int | None:
    """Returns the one `Content-Length` of a response.

    Raises:
        ProtocolError: It is repeated or malformed.
    """
    values = [value for name, value in headers if name == "content-length"]
    if not values:
        return None
    if len(values) > 1 or not re.fullmatch(r"[0-9]+", values[0]):
        raise ProtocolError(f"malformed Content-Length {values}")
    return int(values[0])
