"""httpd with one module that answers: ours, its peers, and what bounds them."""

from __future__ import annotations

from .server import BUILT, OURS, SYSTEM, Role, Server

TOOLS = ("apache2",)
DEBIANS = "/usr/lib/apache2/modules/mod_wsgi.so"
# A program that prints the path of the module.
OUR_MODULE = "$({python} -m narthex apache module-path)"
PYPIS = "$({bin}/mod_wsgi-express module-location)"
FLOOR = "{cache}/floor.so"


def _httpd(mpm: str, place: str, module: str = "none") -> tuple[str, ...]:
    variables = (
        f"MPM={mpm} PORT={{port}} SCRATCH={{scratch}} MODULE={module}"
        f" PLACE=$(realpath ../httpd/{place}.conf) RAW=$(realpath ../httpd)"
        " PYTHON={python} APPLICATION=$PWD/{module}.py"
        # Where the peers look for the Python that they are linked to.
        " PATH=/usr/sbin:/usr/bin:/sbin:/bin"
    )
    # It refuses to be root: where we are, it sees itself as another user, whom our
    # files belong to.
    other = "unshare --user --map-user=1000 --map-group=1000"
    user = f'if [ "$(id -u)" = 0 ]; then set -- {other}; fi'
    # With processes it ends its whole group, which would be the bench's.
    run = (
        f'exec setsid "$@" env {variables} apache2 -f $(realpath ../httpd/module.conf)'
    )
    return ("sh", "-c", f"{user}; {run} -DFOREGROUND", "httpd")


def _servers(mpm: str, role: Role) -> tuple[Server, ...]:
    """What answers inside httpd, under one way of having processes and threads."""
    transfers = frozenset({role, Role.APACHE_TRANSFER} if mpm == "event" else {role})
    small = frozenset({role})
    return (
        Server(
            f"{mpm}-narthex",
            OURS,
            _httpd(mpm, "narthex-inline", OUR_MODULE),
            "inside the process",
            transfers,
            tools=TOOLS,
        ),
        Server(
            f"{mpm}-mod_wsgi-debian",
            SYSTEM,
            _httpd(mpm, "wsgi-embedded", DEBIANS),
            "mod_wsgi as Debian has it, inside the process",
            transfers,
            tools=TOOLS,
        ),
        Server(
            f"{mpm}-mod_wsgi",
            "mod_wsgi",
            _httpd(mpm, "wsgi-embedded", PYPIS),
            "mod_wsgi, inside the process",
            transfers,
            tools=TOOLS,
        ),
        Server(
            f"{mpm}-mod_python",
            SYSTEM,
            _httpd(mpm, "python-raw"),
            "a raw handler of mod_python",
            small,
            tools=TOOLS,
        ),
        Server(
            f"{mpm}-rust",
            BUILT,
            _httpd(mpm, "rust", FLOOR),
            "a module in Rust that answers by itself",
            small,
            tools=TOOLS,
        ),
    )


SERVERS = (
    *_servers("event", Role.APACHE_EVENT),
    *_servers("prefork", Role.APACHE_PREFORK),
    Server(
        "group-narthex",
        OURS,
        _httpd("event", "narthex-group", OUR_MODULE),
        "a process of 15 threads",
        frozenset({Role.APACHE_GROUP, Role.APACHE_TRANSFER}),
        tools=TOOLS,
    ),
    Server(
        "daemon-mod_wsgi-debian",
        SYSTEM,
        _httpd("event", "wsgi-daemon", DEBIANS),
        "mod_wsgi as Debian has it, a process of 15 threads",
        frozenset({Role.APACHE_GROUP, Role.APACHE_TRANSFER}),
        tools=TOOLS,
    ),
    Server(
        "daemon-mod_wsgi",
        "mod_wsgi",
        _httpd("event", "wsgi-daemon", PYPIS),
        "mod_wsgi, a process of 15 threads",
        frozenset({Role.APACHE_GROUP, Role.APACHE_TRANSFER}),
        tools=TOOLS,
    ),
)
