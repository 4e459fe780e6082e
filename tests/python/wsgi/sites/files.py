"""Applications that answer with files."""

from __future__ import annotations

import gzip
import io
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from support.cases import PLAIN, Cases, Environ, log

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

application = Cases()
CONTENT = b"".join(b"line %06d of the file\n" % number for number in range(15_000))


class Noting:
    """Hands a file's methods on, and says in the log when it is closed."""

    def __init__(self, environ: Environ, file: IO[bytes], *hidden: str) -> None:
        """Takes a file; `hidden` names methods that it shall not have."""
        self._environ = environ
        self._file = file
        self._hidden = hidden

    def __getattr__(self, name: str) -> Any:
        """Hands on."""
        if name in self._hidden:
            raise AttributeError(name)
        return getattr(self._file, name)

    def close(self) -> None:
        """Logs and closes."""
        log(self._environ, f"closed {self._environ['HTTP_X_TOKEN']}")
        self._file.close()


def content() -> IO[bytes]:
    """Opens a new file with the content."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the server closes it
    file.write(CONTENT)
    file.seek(0)
    return file


def respond(
    *fields: tuple[str, str], status: str = "200 OK"
) -> Callable[[Callable[[Environ], Any]], Callable[..., Any]]:
    """Makes an application that sends what the decorated function opens."""

    def decorate(opened: Callable[[Environ], Any]) -> Callable[..., Any]:
        def case(environ: Environ, start_response: StartResponse) -> Any:
            start_response(status, [*PLAIN, *fields])
            result = opened(environ)
            if not isinstance(result, tuple):
                result = (result,)
            return environ["wsgi.file_wrapper"](*result)

        return application.named(opened.__name__, case)

    return decorate


@respond()
def whole(environ: Environ) -> Any:
    """A file."""
    return Noting(environ, content())


@respond(("Content-Length", str(len(CONTENT))))
def with_length(environ: Environ) -> Any:
    """A file of declared length."""
    return Noting(environ, content())


@respond()
def real_file(environ: Environ) -> Any:
    """A file object of Python's own class."""
    return content()


@respond()
def block_size(environ: Environ) -> Any:
    """A file with a block size."""
    return Noting(environ, content()), 1000


@respond()
def in_memory(environ: Environ) -> Any:
    """A file in memory, which has no descriptor."""
    return Noting(environ, io.BytesIO(CONTENT))


@respond()
def without_descriptor(environ: Environ) -> Any:
    """An object that can only be read and closed."""
    hidden = ("fileno", "seek", "tell", "readinto", "raw", "name", "mode")
    return Noting(environ, content(), *hidden)


@respond()
def positioned(environ: Environ) -> Any:
    """A file that stands at its eleventh byte."""
    file = content()
    file.seek(10)
    return Noting(environ, file)


@respond()
def partly_read(environ: Environ) -> Any:
    """A file that was read from: its buffer is ahead of it."""
    file = content()
    file.read(10)
    return file


@respond(("Content-Length", "10"))
def longer_than_declared(environ: Environ) -> Any:
    """A file longer than the declared length."""
    return Noting(environ, content())


@respond(("Content-Length", str(len(CONTENT) + 10)))
def shorter_than_declared(environ: Environ) -> Any:
    """A file shorter than the declared length."""
    return Noting(environ, content())


@respond()
def compressed(environ: Environ) -> Any:
    """A file whose descriptor holds something else than it reads."""
    packed = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as its reader
    with gzip.open(packed, "wb") as file:
        file.write(CONTENT)
    packed.seek(0)
    return gzip.GzipFile(fileobj=packed)


@respond()
def pipe(environ: Environ) -> Any:
    """The end of a pipe, which cannot be sent like a file."""
    reader, writer = os.pipe()
    os.write(writer, CONTENT[:4000])
    os.close(writer)
    return os.fdopen(reader, "rb")


@respond()
def unbuffered(environ: Environ) -> Any:
    """A file without a buffer."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(CONTENT)
        file.flush()
        return Path(file.name).open("rb", buffering=0)


@respond()
def empty(environ: Environ) -> Any:
    """A file with nothing in it."""
    return Noting(environ, tempfile.TemporaryFile())


@respond(status="304 Not Modified")
def not_modified(environ: Environ) -> Any:
    """A file that is not sent."""
    return Noting(environ, content())


@respond()
def fails(environ: Environ) -> Any:
    """A file whose second read fails."""

    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise OSError("the disk is on fire")
            return super().read(10)

    return Noting(environ, Failing(CONTENT))


@application.case
def iterated(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Iterates over the wrapper itself, as middleware does."""
    start_response("200 OK", PLAIN)
    wrapper = environ["wsgi.file_wrapper"](Noting(environ, content()), 1000)
    pieces = list(wrapper)
    wrapper.close()
    assert all(0 < len(piece) <= 1000 for piece in pieces)
    return [piece.upper() for piece in pieces]


@application.case
def written_first(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Writes, and then returns a file."""
    start_response("200 OK", PLAIN)(b"written ")
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](content())
    return wrapped
