"""A CGI host (RFC 3875): starts the child, hands the request down, reads its answer."""

from __future__ import annotations

import contextlib
import re
import subprocess
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import unquote_to_bytes

from support.log import Log
from support.messages import (
    ProtocolError,
    Request,
    Response,
    declared_length,
    parse_field,
)

DEADLINE = 30.0
_STATUS = re.compile(r"([1-9][0-9]{2})(?: ([\t \x21-\x7e\x80-\xff]*))?")
_HEAD_END = re.compile(rb"\r?\n\r?\n")


def variables(request: Request, mount: str) -> dict[bytes, bytes]:
    """Builds the meta-variables of a request, as a host does that has decoded it."""
    host, port = b"127.0.0.1", b"80"
    target = request.target.encode("latin-1")
    path, _, query = target.partition(b"?")
    path = remove_dot_segments(unquote_to_bytes(path))
    script = mount.encode()
    if target == b"*":
        path = script
    elif script and path != script and not path.startswith(script + b"/"):
        raise ValueError(f"{request.target} is not below {mount}")
    known = {
        b"GATEWAY_INTERFACE": b"CGI/1.1",
        b"SERVER_PROTOCOL": request.version.encode(),
        b"SERVER_SOFTWARE": b"suite/1",
        b"SERVER_NAME": host,
        b"SERVER_PORT": port,
        b"REMOTE_ADDR": b"127.0.0.1",
        b"REMOTE_PORT": b"54321",
        b"REQUEST_METHOD": request.method.encode(),
        b"REQUEST_URI": target,
        b"SCRIPT_NAME": script,
        b"PATH_INFO": path[len(script) :],
        b"QUERY_STRING": query,
    }
    for name, value in request.fields("127.0.0.1"):
        variable = b"HTTP_" + name.upper().replace("-", "_").encode()
        if variable in (b"HTTP_CONTENT_LENGTH", b"HTTP_CONTENT_TYPE"):
            variable = variable[5:]
        separator = b"; " if variable == b"HTTP_COOKIE" else b", "
        earlier = [known[variable]] if variable in known else []
        known[variable] = separator.join([*earlier, value.encode("latin-1")])
    return known


def remove_dot_segments(path: bytes) -> bytes:
    """Removes `.` and `..` segments of a decoded path (RFC 3986, 5.2.4)."""
    kept: list[bytes] = []
    segments = path.split(b"/")
    for number, segment in enumerate(segments):
        last = number == len(segments) - 1
        if segment == b"..":
            if len(kept) > 1:
                kept.pop()
        elif segment != b".":
            kept.append(segment)
            continue
        if last:
            kept.append(b"")
    return b"/".join(kept)


class Asked(ABC):
    """One request given to an application by a host of the suite, and its answer."""

    def __init__(self, request: Request) -> None:
        """Starts to send the body, in a thread; the rest is there when it is called."""
        self._failure: BaseException | None = None
        self._method = request.method
        self._writer = threading.Thread(target=self._send, args=(request,), daemon=True)
        self._writer.start()

    @abstractmethod
    def write(self, piece: bytes) -> None:
        """Sends a piece of the body.

        Raises:
            OSError: The application does not want it.
        """

    @abstractmethod
    def end(self) -> None:
        """Says that the body is whole."""

    @abstractmethod
    def read(self) -> bytes:
        """Receives a piece of the answer; nothing at its end."""

    @abstractmethod
    def close(self) -> bool:
        """Lets go of the application; says whether it ended well."""

    def _send(self, request: Request) -> None:
        try:
            for piece in request.pieces():
                self.write(piece)
        except OSError:
            pass  # The application did not want the rest.
        except BaseException as error:
            self._failure = error
        finally:
            with contextlib.suppress(OSError):
                self.end()

    def response(self) -> Response:
        """Reads the whole answer."""
        output = bytearray()
        while data := self.read():
            output += data
        ended_well = self.close()
        self._writer.join(timeout=10)
        if self._failure:
            raise self._failure
        return parse(bytes(output), self._method, ended_well)

    def abandon(self, after: int) -> None:
        """Takes `after` bytes and leaves, as a host does whose client has left."""
        taken = 0
        while taken < after:
            data = self.read()
            assert data, f"the response ended after {taken} bytes"
            taken += len(data)
        self.close()
        self._writer.join(timeout=10)


def unchunked(request: Request) -> Request:
    """Takes a chunked body off the wire: CGI knows lengths only."""
    if not request.chunked:
        return request
    body = b"".join(request.pieces())
    return replace(request, body=body, length=len(body), chunked=False)


class Child(Asked):
    """One CGI process, and the request it is given."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[bytes, bytes],
        request: Request,
        log: Log,
    ) -> None:
        """Starts the process in an environment that describes the request."""
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        assert self._process.stdin
        assert self._process.stdout
        assert self._process.stderr
        self._input, self._output = self._process.stdin, self._process.stdout
        self._reader = log.follow(self._process.stderr)
        self._watchdog = threading.Timer(DEADLINE, self._process.kill)
        self._watchdog.daemon = True
        self._watchdog.start()
        super().__init__(request)

    def write(self, piece: bytes) -> None:
        """See `Asked.write`."""
        rest = memoryview(piece)
        while rest:
            rest = rest[self._input.write(rest) :]

    def end(self) -> None:
        """See `Asked.end`."""
        self._input.close()

    def read(self) -> bytes:
        """See `Asked.read`."""
        data: bytes = self._output.read(65536)
        return data

    def close(self) -> bool:
        """See `Asked.close`; waits for the process."""
        self._output.close()
        status = self._process.wait()
        self._watchdog.cancel()
        self._reader.join(timeout=10)
        return status == 0


def parse(output: bytes, method: str, ended_well: bool) -> Response:
    """Parses what a CGI program wrote (RFC 3875, 6).

    Raises:
        ProtocolError: It is no CGI response.
    """
    end = _HEAD_END.search(output)
    if not end:
        raise ProtocolError(f"no end of the head in {output[:2000]!r}")
    lines = re.split(rb"\r?\n", output[: end.start()])
    headers = [parse_field(line) for line in lines]
    body = output[end.end() :]
    names = [name for name, _ in headers]
    status, reason = 200, "OK"
    if "status" in names:
        if names.count("status") > 1:
            raise ProtocolError("several Status fields")
        match = _STATUS.fullmatch(dict(headers)["status"])
        if not match:
            raise ProtocolError(f"malformed Status {dict(headers)['status']!r}")
        status, reason = int(match[1]), match[2] or ""
    elif "location" in names:
        # Without a status the host would answer in our place (RFC 3875, 6.2.2).
        raise ProtocolError("Location without Status")
    headers = [(name, value) for name, value in headers if name != "status"]
    length = declared_length(headers)
    complete = ended_well
    if length is not None and status not in (204, 304):
        if len(body) > length:
            raise ProtocolError(f"{len(body)} bytes of body, {length} declared")
        complete = complete and (len(body) == length or method == "HEAD")
    return Response(status, reason, headers, body, complete)
