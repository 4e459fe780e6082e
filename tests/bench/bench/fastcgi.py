"""The web server's side of FastCGI, as far as counting instructions needs it."""

from __future__ import annotations

import struct
from collections.abc import Mapping

BEGIN_REQUEST, END_REQUEST, PARAMS, STDIN = 1, 3, 4, 5
RESPONDER, KEEP_CONNECTION = 1, 1
REQUEST = 1

# What nginx 1.22 sends with Debian's fastcgi_params and a PATH_INFO.
NGINX = {
    "PATH_INFO": "/",
    "QUERY_STRING": "",
    "REQUEST_METHOD": "GET",
    "CONTENT_TYPE": "",
    "CONTENT_LENGTH": "",
    "SCRIPT_NAME": "/",
    "REQUEST_URI": "/",
    "DOCUMENT_URI": "/",
    "DOCUMENT_ROOT": "/usr/share/nginx/html",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REQUEST_SCHEME": "http",
    "GATEWAY_INTERFACE": "CGI/1.1",
    "SERVER_SOFTWARE": "nginx/1.22.1",
    "REMOTE_ADDR": "127.0.0.1",
    "REMOTE_PORT": "40000",
    "REMOTE_USER": "",
    "SERVER_ADDR": "127.0.0.1",
    "SERVER_PORT": "8080",
    "SERVER_NAME": "",
    "REDIRECT_STATUS": "200",
    "HTTP_HOST": "127.0.0.1",
}


def record(kind: int, content: bytes = b"") -> bytes:
    """Writes a record, padded to a multiple of eight bytes as nginx does."""
    padding = -len(content) % 8
    head = struct.pack(">BBHHBx", 1, kind, REQUEST, len(content), padding)
    return head + content + bytes(padding)


def pair(name: str, value: str) -> bytes:
    """Writes a name and its value."""
    both = (name.encode("latin-1"), value.encode("latin-1"))
    lengths = (
        bytes([len(text)])
        if len(text) < 128
        else struct.pack(">I", len(text) | 1 << 31)
        for text in both
    )
    return b"".join((*lengths, *both))


def request(variables: Mapping[str, str]) -> bytes:
    """Writes a request without a body that asks to keep the connection."""
    begin = struct.pack(">HB5x", RESPONDER, KEEP_CONNECTION)
    pairs = b"".join(pair(name, value) for name, value in variables.items())
    return b"".join(
        (
            record(BEGIN_REQUEST, begin),
            record(PARAMS, pairs),
            record(PARAMS),
            record(STDIN),
        )
    )


# What every request ends with, whatever the server did before.
END = record(END_REQUEST, bytes(8))
