"""The servers that nginx stands before, by the protocol it speaks to them."""

from __future__ import annotations

from .server import OURS, Role, Server, words

TOOLS = ("nginx",)
BOTH = frozenset({Role.GATEWAY, Role.GATEWAY_TRANSFER})
SMALL = frozenset({Role.GATEWAY})


def _narthex(command: str) -> tuple[str, ...]:
    return words(
        f"{{python}} -m narthex {command} {{module}}.py:app --bind unix:{{socket}}"
        " --threads 1"
    )


def _uwsgi(listener: str) -> tuple[str, ...]:
    return words(
        f"{{bin}}/uwsgi --{listener} {{socket}} --module {{module}}:app --need-app"
        " --die-on-term --disable-logging --processes 1"
    )


SERVERS = (
    Server(
        "narthex-fastcgi",
        OURS,
        _narthex("fastcgi"),
        "FastCGI, kept connections, one thread",
        BOTH,
        front="fastcgi",
        tools=TOOLS,
    ),
    Server(
        "narthex-fastcgi-close",
        OURS,
        _narthex("fastcgi"),
        "FastCGI, a connection for each request",
        SMALL,
        front="fastcgi-close",
        tools=TOOLS,
    ),
    Server(
        "narthex-scgi",
        OURS,
        _narthex("scgi"),
        "SCGI, which knows no kept connections",
        SMALL,
        front="scgi",
        tools=TOOLS,
    ),
    Server(
        "narthex-uwsgi",
        OURS,
        _narthex("uwsgi"),
        "the uwsgi protocol, which knows no kept connections",
        SMALL,
        front="uwsgi",
        tools=TOOLS,
    ),
    Server(
        "narthex-upstream",
        OURS,
        _narthex("serve"),
        "the embedded server, kept connections",
        SMALL,
        front="http",
        tools=TOOLS,
    ),
    Server(
        "flup",
        "flup",
        words(
            "{python} -c",
            "import {module}; from flup.server.fcgi import WSGIServer;"
            " WSGIServer({module}.app, bindAddress='{socket}').run()",
        ),
        "FastCGI, kept connections, a thread for each",
        SMALL,
        front="fastcgi",
        tools=TOOLS,
    ),
    Server(
        "uwsgi-fastcgi",
        "uWSGI",
        _uwsgi("fastcgi-socket"),
        "FastCGI; it closes each connection",
        BOTH,
        front="fastcgi-close",
        tools=TOOLS,
    ),
    Server(
        "uwsgi-uwsgi",
        "uWSGI",
        _uwsgi("uwsgi-socket"),
        "its own protocol, which knows no kept connections",
        BOTH,
        front="uwsgi",
        tools=TOOLS,
    ),
)
