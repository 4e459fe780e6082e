"""Applications that use threads and processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from support.cases import PLAIN, Cases, Environ, log

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

application = Cases()
_lock = threading.Lock()
_active = 0
_peak = 0
_meeting = threading.Barrier(2)
_background = threading.Event()


@application.case
def overlap(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answers with the greatest number of requests that were here at once."""
    global _active, _peak
    with _lock:
        _active += 1
        _peak = max(_peak, _active)
    time.sleep(0.02)  # Long enough for another request to come in.

    def body() -> Iterable[bytes]:
        global _active
        yield b"%d " % _peak
        time.sleep(0.02)
        with _lock:
            _active -= 1
        yield b"%s" % str(environ["wsgi.multithread"]).encode()

    start_response("200 OK", PLAIN)
    return body()


@application.case
def meet(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Waits for another request to be here as well."""
    _meeting.wait(timeout=10)
    start_response("200 OK", PLAIN)
    return [b"met"]


@application.case
def own_threads(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Lets 20 threads work, one of them on the input."""
    with ThreadPoolExecutor(20) as pool:
        body = pool.submit(environ["wsgi.input"].read)
        squares = list(pool.map(lambda number: number * number, range(100)))
        pool.submit(log, environ, f"from a thread {environ['HTTP_X_TOKEN']}")
    start_response("200 OK", PLAIN)
    return [body.result(), b" %d" % sum(squares)]


@application.case
def written_by_threads(
    environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Lets another thread write the body."""
    write = start_response("200 OK", PLAIN)
    thread = threading.Thread(target=write, args=(b"from a thread",))
    thread.start()
    thread.join()
    return []


@application.case
def start_background(
    environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Leaves a thread behind."""
    _background.clear()
    threading.Thread(target=_background.set, daemon=True).start()
    start_response("200 OK", PLAIN)
    return [b"started"]


@application.case
def see_background(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Says whether the thread that was left behind has run."""
    start_response("200 OK", PLAIN)
    return [b"ran" if _background.wait(10) else b"did not run"]


@application.case
def forks(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Forks a child that ends at once."""
    child = os.fork()
    if child == 0:
        os._exit(7)
    _, status = os.waitpid(child, 0)
    start_response("200 OK", PLAIN)
    return [b"child ended with %d" % os.waitstatus_to_exitcode(status)]


@application.case
def runs(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Runs a program, and reads what it says."""
    command = [sys.executable, "-Sc", "print(6 * 7)"]
    output = subprocess.run(command, capture_output=True, check=True).stdout
    start_response("200 OK", PLAIN)
    return [output.strip()]


@application.case
def runs_loudly(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Runs a program that writes to our standard output and reads our input."""
    command = [sys.executable, "-Sc", "print('noise'); input()"]
    subprocess.run(command, stderr=subprocess.DEVNULL, check=False)
    body = environ["wsgi.input"].read()
    start_response("200 OK", PLAIN)
    return [b"quiet ", body]
