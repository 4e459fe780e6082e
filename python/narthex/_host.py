"""What only the host of an application has of a request: ``t.native``, and for WSGI."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, NamedTuple

from narthex import _narthex

if TYPE_CHECKING:
    from typing import Any, Literal

# As in `adapters/abi`.
_NOTE, _VARIABLE, _USER, _AUTHENTICATION, _TLS, _SERVER, _REQUEST = range(1, 8)
_LOOKUP, _REDIRECT, _NOTES, _VARIABLES = range(8, 12)

_SERVER_FACTS = (
    "name",
    "port",
    "admin",
    "document_root",
    "software",
    "built",
    "mpm",
    "root",
    "error_log",
)
_REQUEST_FACTS = ("filename", "handler", "uri", "log_id", "path_info")
_NO_VARIABLES = ("HTTP_", "wsgi.", "narthex.")
_LEVELS = ("debug", "info", "notice", "warning", "error")


class NotAvailable(RuntimeError):
    """The backend that carries the request has no such thing.

    Attributes:
        name: What was asked for.
        backend: The backend that carries the request.
    """

    def __init__(self, name: str, backend: str) -> None:
        self.name = name
        self.backend = backend
        super().__init__(name, backend)

    def __str__(self) -> str:
        """What is missing, and who has it."""
        if self.backend == "apache":
            return (
                f"native.{self.name} is there while httpd has the request answered, on "
                "the thread that answers it"
            )
        return (
            f"native.{self.name} is httpd's: it is there where the application runs "
            f"inside httpd (backend apache), and not under {self.backend}"
        )


class Lookup(NamedTuple):
    """What httpd would make of a path.

    Attributes:
        status: The status with which it would be answered as far as can be told.
        filename: The file that it stands for.
        content_type: The type of that file.
        handler: Who would answer.
        path_info: What is left of the path behind the file.
        exists: Whether there is such a file.
    """

    status: int
    filename: str
    content_type: str
    handler: str
    path_info: str
    exists: bool


class Native:
    """What only the backend has of a request.

    Inside httpd all of it is there, on the thread that answers the request and until it
    has been answered. Elsewhere ``variables`` are those of the gateway or of TLS, and
    ``user``, ``auth_type``, ``tls``, ``send_file`` and ``log`` work as well; all else
    raises :exc:`NotAvailable`.

    Attributes:
        name: The backend, as on the command line.
    """

    __slots__ = ("_auth_type", "_number", "_user", "_variables", "name")

    def __init__(
        self,
        name: str,
        number: int | None,
        variables: Mapping[str, str],
        user: str | None,
        auth_type: str | None,
    ) -> None:
        self.name = name
        self._number = number
        self._variables = variables
        self._user = user
        self._auth_type = auth_type

    @property
    def notes(self) -> MutableMapping[str, str]:
        """What modules of httpd tell each other about the request."""
        self._inside("notes")
        return _Table(self, "notes", _NOTE, _NOTES)

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables of the request; inside httpd they can be changed."""
        if self.name != "apache":
            return self._variables
        self._inside("variables")
        return _Table(self, "variables", _VARIABLE, _VARIABLES)

    @property
    def user(self) -> str | None:
        """The user whom the host has authenticated."""
        if self.name != "apache":
            return self._user
        return self._one("user", _USER)

    @user.setter
    def user(self, value: str | None) -> None:
        self._change("user", _USER, "", value or "")

    @property
    def auth_type(self) -> str | None:
        """How the user was authenticated, such as Basic."""
        if self.name != "apache":
            return self._auth_type
        return self._one("auth_type", _AUTHENTICATION)

    @auth_type.setter
    def auth_type(self, value: str | None) -> None:
        self._change("auth_type", _AUTHENTICATION, "", value or "")

    @property
    def server(self) -> Mapping[str, str]:
        """Facts about the virtual host, such as admin and document_root."""
        return self._facts("server", _SERVER, _SERVER_FACTS)

    @property
    def request(self) -> Mapping[str, str]:
        """Facts about the request as httpd sees it, such as filename and log_id."""
        return self._facts("request", _REQUEST, _REQUEST_FACTS)

    def tls(self, name: str) -> str | None:
        """A variable of TLS, such as SSL_PROTOCOL; None where there is none."""
        if self.name != "apache":
            return self._variables.get(name)
        return self._one("tls", _TLS, name)

    def lookup(self, path: str) -> Lookup:
        """What httpd would make of a path, without asking for it."""
        answer = self._ask("lookup", _LOOKUP, path)
        if answer is None:
            raise LookupError(path)
        lines = (line for text in answer for line in text.splitlines())
        found = dict(line.partition("=")[::2] for line in lines)
        return Lookup(
            int(found.get("status") or 0),
            found.get("filename", ""),
            found.get("content_type", ""),
            found.get("handler", ""),
            found.get("path_info", ""),
            found.get("exists") == "1",
        )

    def redirect(self, path: str) -> None:
        """Has another path of the server answer, without the client's knowing.

        It is asked for when the application has ended: what that answers goes nowhere.

        Args:
            path: From the root of the server, with a query if need be, encoded.

        Raises:
            ValueError: It is no such path.
            RuntimeError: The response has been started.
        """
        if not path.startswith("/") or "\0" in path:
            raise ValueError(f"a path from the root is needed, not {path!r}")
        if not self._tell("redirect", _REDIRECT, "", path):
            raise RuntimeError("the response has been started")

    def send_file(self, path: str | os.PathLike[str]) -> Iterator[bytes]:
        """A file, to be returned as the body: sent without Python where it can be."""
        return _narthex.FileWrapper(open(path, "rb"), 128 * 1024)

    def log(
        self,
        level: Literal["debug", "info", "notice", "warning", "error"],
        text: str,
    ) -> None:
        """Writes a line to the error log."""
        if level not in _LEVELS:
            raise ValueError(f"a level is one of {', '.join(_LEVELS)}, not {level!r}")
        _narthex.host_log(level, text.encode(errors="backslashreplace").decode())

    def __repr__(self) -> str:
        """The name of the backend."""
        return f"<Native {self.name}>"

    def _inside(self, what: str) -> int:
        """The number of the request, if this thread answers it."""
        if self._number is None or _narthex.host_request() != self._number:
            raise NotAvailable(what, self.name)
        return self._number

    def _ask(self, what: str, matter: int, name: str = "") -> list[str] | None:
        answer = _narthex.host_ask(self._inside(what), matter, _encode(name))
        return None if answer is None else [_decode(text) for text in answer]

    def _one(self, what: str, matter: int, name: str = "") -> str | None:
        answer = self._ask(what, matter, name)
        return answer[0] if answer else None

    def _tell(self, what: str, matter: int, name: str, value: str) -> bool:
        number = self._inside(what)
        return _narthex.host_tell(number, matter, _encode(name), _encode(value))

    def _change(self, what: str, matter: int, name: str, value: str) -> None:
        if not self._tell(what, matter, name, value):
            raise RuntimeError(f"httpd does not take {value!r} for {what}")

    def _facts(self, what: str, matter: int, names: tuple[str, ...]) -> dict[str, str]:
        self._inside(what)
        facts = ((name, self._one(what, matter, name)) for name in names)
        return {name: fact for name, fact in facts if fact is not None}


class _Table(MutableMapping[str, str]):
    """A table of the host's, as it is at the moment."""

    __slots__ = ("_all", "_native", "_one", "_what")

    def __init__(self, native: Native, what: str, one: int, names: int) -> None:
        self._native, self._what, self._one, self._all = native, what, one, names

    def __getitem__(self, name: str) -> str:
        value = self._native._one(self._what, self._one, name)
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: str) -> None:
        if not name or not value or "\0" in name + value:
            raise ValueError("neither name nor value may be empty or have a NUL")
        self._native._change(self._what, self._one, name, value)

    def __delitem__(self, name: str) -> None:
        self[name]  # KeyError where there is none
        self._native._change(self._what, self._one, name, "")

    def __iter__(self) -> Iterator[str]:
        names = self._native._ask(self._what, self._all) or []
        return iter(dict.fromkeys(names))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<{self._what} {dict(self)!r}>"


def native(environ: Mapping[str, Any]) -> Native:
    """What only the backend has of the request that a WSGI environ is of.

    Inside httpd it is that of the request which this thread answers.
    """
    return Native(
        _narthex.backend_name() or "none",
        _narthex.host_request(),
        _Texts(environ),
        environ.get("REMOTE_USER"),
        environ.get("AUTH_TYPE"),
    )


class _Texts(Mapping[str, str]):
    """The variables of an environ: what is text, and no field of the request."""

    __slots__ = ("_environ",)

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._environ = environ

    def __getitem__(self, name: str) -> str:
        value = self._environ[name]
        if isinstance(value, str) and not name.startswith(_NO_VARIABLES):
            return value
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._environ if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _decode(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")
