"""The programs that a web server runs for each request, ours beside what there is."""

from __future__ import annotations

from .server import BUILT, OURS, SYSTEM, Role, Script, Server

ALONE = frozenset({Role.PROGRAM})
BY_HTTPD = frozenset({Role.HTTPD})
PROGRAM = ("{program}",)
FLOOR = "{cache}/hello"


def _ours(mode: str, source: str = "wsgi/hello.py") -> Script:
    return Script(f"{{bin}}/narthex-cgi --mode={mode}", source)


def _httpd(program: str) -> tuple[str, ...]:
    # It refuses to be root: where we are, it sees itself as another user, whom our
    # files belong to.
    fill = (
        'sed "s|PORT|{port}|; s|PROGRAM|' + program + '|; s|SCRATCH|{scratch}|"'
        " ../httpd/cgid.conf > {scratch}/httpd.conf"
    )
    other = "unshare --user --map-user=1000 --map-group=1000"
    user = f'if [ "$(id -u)" = 0 ]; then set -- {other}; fi'
    run = 'exec "$@" apache2 -f {scratch}/httpd.conf -DFOREGROUND'
    return ("sh", "-c", f"{fill}; {user}; {run}", "httpd")


SERVERS = (
    Server("floor", BUILT, (FLOOR,), "Rust, static, answers by itself", ALONE),
    Server(
        "narthex-warm",
        OURS,
        PROGRAM,
        "hello in a resident process",
        ALONE,
        script=_ours("warm"),
    ),
    Server(
        "narthex-warm-flask",
        OURS,
        PROGRAM,
        "Flask in a resident process",
        ALONE,
        script=_ours("warm", "wsgi/flask_hello.py"),
        needs=("Flask",),
    ),
    Server(
        "narthex-fork",
        OURS,
        PROGRAM,
        "hello in a fork of an interpreter",
        ALONE,
        script=_ours("fork"),
    ),
    Server(
        "narthex-cold",
        OURS,
        PROGRAM,
        "hello in an interpreter of its own",
        ALONE,
        script=_ours("cold"),
    ),
    Server(
        "wsgiref",
        SYSTEM,
        PROGRAM,
        "hello by python3 and wsgiref's CGIHandler",
        ALONE,
        script=Script("{python}", "cgi/wsgiref_hello.py"),
    ),
    Server(
        "wsgiref-flask",
        "Flask",
        PROGRAM,
        "Flask by python3 and wsgiref's CGIHandler",
        ALONE,
        script=Script("{python}", "cgi/wsgiref_flask.py"),
    ),
    Server(
        "httpd-floor",
        BUILT,
        _httpd(FLOOR),
        "mod_cgid runs the Rust program",
        BY_HTTPD,
        tools=("apache2",),
    ),
    Server(
        "httpd-warm",
        OURS,
        _httpd("{program}"),
        "mod_cgid runs narthex-cgi; hello in a resident process",
        BY_HTTPD,
        script=_ours("warm"),
        tools=("apache2",),
    ),
    Server(
        "httpd-wsgiref",
        SYSTEM,
        _httpd("{program}"),
        "mod_cgid runs python3 and wsgiref's CGIHandler",
        BY_HTTPD,
        script=Script("{python}", "cgi/wsgiref_hello.py"),
        tools=("apache2",),
    ),
)
