"""The servers: one declaration for each."""

from __future__ import annotations

from . import apache, gateways, programs
from .server import OURS, SYSTEM, Role, Server, words


def _narthex(threads: int, more: str = "") -> tuple[str, ...]:
    command = "{python} -m narthex serve {module}.py:app --bind 127.0.0.1:{port}"
    return words(f"{command} --threads {threads} {more}")


def _granian(
    blocking_threads: int, runtime_threads: int = 1, workers: int = 1, more: str = ""
) -> tuple[str, ...]:
    return words(
        "{bin}/granian --interface wsgi --host 127.0.0.1 --port {port} {module}:app"
        f" --no-ws --log-level error --workers {workers} --runtime-threads"
        f" {runtime_threads} --blocking-threads {blocking_threads} {more}"
    )


def _gunicorn(settings: str) -> tuple[str, ...]:
    return words(
        "{bin}/gunicorn --bind 127.0.0.1:{port} --workers 1 --no-control-socket"
        f" {settings} {{module}}:app"
    )


def _nginx() -> tuple[str, ...]:
    # It takes no settings from its environment.
    fill = 'sed "s|PORT|{port}|; s|FILES|$(realpath ../files)|" {module}.conf'
    run = "exec nginx -p {scratch}/ -c {scratch}/nginx.conf"
    return ("sh", "-c", f"{fill} > {{scratch}}/nginx.conf && {run}")


EMBEDDED = (
    Server(
        "narthex",
        OURS,
        _narthex(threads=1),
        "WSGI, one thread",
        frozenset({Role.PLAIN, Role.FAST, Role.PIPELINED}),
    ),
    Server(
        "narthex-2",
        OURS,
        _narthex(threads=2),
        "WSGI, two threads",
        frozenset({Role.PLAIN, Role.TWO_THREADS, Role.CONCURRENT}),
    ),
    Server(
        "narthex-native",
        OURS,
        _narthex(threads=1),
        "native API, one thread",
        frozenset({Role.NATIVE}),
        api="native",
    ),
    Server(
        "narthex-w2",
        OURS,
        _narthex(threads=1, more="--workers 2"),
        "two worker processes of one thread",
        frozenset({Role.TWO_PROCESSES}),
    ),
    Server(
        "narthex-tls",
        OURS,
        _narthex(
            threads=1,
            more="--certificate {scratch}/certificate.pem --key {scratch}/key.pem",
        ),
        "TLS, one thread",
        frozenset({Role.TLS}),
    ),
    Server(
        "narthex-observed",
        OURS,
        _narthex(
            threads=1,
            more="--access-log {scratch}/access.log --trust-proxy 127.0.0.1"
            " --management unix:{scratch}/management",
        ),
        "access log, trusted proxy and metrics",
        frozenset({Role.OBSERVED}),
    ),
    Server(
        "granian-w2",
        "granian",
        _granian(blocking_threads=1, workers=2),
        "two worker processes of one blocking thread",
        frozenset({Role.TWO_PROCESSES}),
    ),
    Server(
        "narthex-static",
        OURS,
        _narthex(threads=1, more="--static /static=../files"),
        "files, one thread",
        frozenset({Role.STATIC}),
    ),
    Server(
        "nginx",
        SYSTEM,
        _nginx(),
        "one process",
        frozenset({Role.STATIC}),
        api="nginx",
    ),
    Server(
        "granian-static",
        "granian",
        _granian(
            blocking_threads=1,
            more="--static-path-route /static --static-path-mount ../files",
        ),
        "files, one blocking thread",
        frozenset({Role.STATIC}),
    ),
    Server(
        "granian-tls",
        "granian",
        _granian(
            blocking_threads=1,
            more="--ssl-certificate {scratch}/certificate.pem"
            " --ssl-keyfile {scratch}/key.pem",
        ),
        "TLS, one blocking thread",
        frozenset({Role.TLS}),
    ),
    Server(
        "granian-bt1",
        "granian",
        _granian(blocking_threads=1),
        "one blocking thread",
        frozenset({Role.PLAIN, Role.FAST, Role.PIPELINED, Role.HTTP2}),
    ),
    Server(
        "granian-bt64",
        "granian",
        _granian(blocking_threads=64),
        "64 blocking threads",
        frozenset({Role.PLAIN, Role.FAST, Role.PIPELINED}),
    ),
    Server(
        "granian-rt2-bt1",
        "granian",
        _granian(blocking_threads=1, runtime_threads=2),
        "two runtime threads, one blocking thread",
        frozenset({Role.TWO_THREADS}),
    ),
    Server(
        "granian-rt2-bt64",
        "granian",
        _granian(blocking_threads=64, runtime_threads=2),
        "two runtime threads, 64 blocking threads",
        frozenset({Role.TWO_THREADS, Role.CONCURRENT}),
    ),
    Server(
        "gunicorn-sync",
        "gunicorn",
        _gunicorn("--worker-class sync"),
        "one request at a time, no keep-alive",
        frozenset({Role.PLAIN}),
    ),
    Server(
        "gunicorn-gthread",
        "gunicorn",
        _gunicorn("--worker-class gthread --threads 4"),
        "four threads",
        frozenset({Role.PLAIN}),
    ),
    Server(
        "gunicorn-gthread64",
        "gunicorn",
        _gunicorn("--worker-class gthread --threads 64"),
        "64 threads",
        frozenset({Role.CONCURRENT}),
    ),
    Server(
        "uwsgi",
        "uWSGI",
        # Its http-socket closes after each answer and does not say so by itself;
        # its http11-socket keeps alive, but one process serves one connection.
        words(
            "{bin}/uwsgi --http-socket 127.0.0.1:{port} --module {module}:app"
            " --need-app --die-on-term --disable-logging --processes 1 --add-header",
            "Connection: close",
        ),
        "http-socket, no keep-alive",
        frozenset({Role.PLAIN}),
    ),
    Server(
        "waitress",
        "waitress",
        words(
            "{bin}/waitress-serve --listen=127.0.0.1:{port} --threads=4 {module}:app"
        ),
        "four threads",
        frozenset({Role.PLAIN}),
    ),
    Server(
        "cheroot",
        "cheroot",
        words("{bin}/cheroot --bind 127.0.0.1:{port} --threads 4 {module}:app"),
        "four threads",
        frozenset({Role.PLAIN}),
    ),
    Server(
        "bjoern",
        "bjoern",
        words(
            "{python} -c",
            "import bjoern, {module}; bjoern.run({module}.app, '127.0.0.1', {port})",
        ),
        "C, one thread; drops all but the first of pipelined requests",
        frozenset({Role.PLAIN, Role.FAST}),
    ),
    Server(
        "fastwsgi",
        "fastwsgi",
        words(
            "{python} -c",
            "import fastwsgi, {module};"
            " fastwsgi.run({module}.app, '127.0.0.1', {port})",
        ),
        "C, one thread",
        frozenset({Role.PLAIN, Role.FAST, Role.PIPELINED}),
    ),
)

SERVERS = (*EMBEDDED, *gateways.SERVERS, *programs.SERVERS, *apache.SERVERS)
