"""A host in miniature, over the tables of ``adapters/abi`` as C sees them.

Run as a program, it does what it is told in JSON on the command line, and says in JSON
what came of it. Python runs already: the engine takes it, since it is its own.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    byref,
    c_bool,
    c_char_p,
    c_int,
    c_size_t,
    c_uint8,
    c_uint16,
    c_uint32,
    c_uint64,
    c_void_p,
    cast,
)
from typing import Any

VERSION = 1
DONE, FAILED, UNKNOWN = 0, 1, 6
NOTE, VARIABLE, USER, SERVER, LOOKUP, REDIRECT, NOTES = 1, 2, 3, 6, 8, 9, 10


class Text(Structure):
    """Bytes with a length."""

    _fields_ = [("data", c_char_p), ("length", c_size_t)]


class BytesOut(Structure):
    """The same as it is given to us: it need not end in NUL."""

    _fields_ = [("data", c_void_p), ("length", c_size_t)]

    @property
    def bytes(self) -> bytes:
        """What it holds."""
        return ctypes.string_at(self.data, self.length) if self.length else b""


class Pair(Structure):
    """A field or variable."""

    _fields_ = [("name", BytesOut), ("value", BytesOut)]


class List(Structure):
    """Several values."""

    _fields_ = [("data", c_void_p), ("length", c_size_t)]


Put = CFUNCTYPE(None, c_void_p, BytesOut)


class Sink(Structure):
    """Where a text is put."""

    _fields_ = [("keeper", c_void_p), ("put", Put)]


class Request(Structure):
    """A request before its body."""

    _fields_ = [
        ("method", Text),
        ("target", Text),
        ("protocol", c_uint32),
        ("secure", c_bool),
        ("earlier", c_uint32),
        ("mount", Text),
        ("path_info", Text),
        ("query", Text),
        ("fields", List),
        ("variables", List),
        ("server_name", Text),
        ("server_port", c_uint16),
        ("client_port", c_uint16),
        ("client", Text),
        ("user", Text),
        ("authentication", Text),
        ("has_body", c_bool),
        ("kept", POINTER(c_void_p)),
    ]


Read = CFUNCTYPE(c_int, c_void_p, POINTER(c_uint8), c_size_t, POINTER(c_size_t))
Start = CFUNCTYPE(c_int, c_void_p, c_uint16, BytesOut, List)
Write = CFUNCTYPE(c_int, c_void_p, BytesOut, c_bool)
SendFile = CFUNCTYPE(c_int, c_void_p, c_int, c_uint64, c_uint64, POINTER(c_uint64))
Finish = CFUNCTYPE(c_int, c_void_p)
Departed = CFUNCTYPE(c_bool, c_void_p)
Log = CFUNCTYPE(None, c_void_p, c_int, BytesOut)
Ask = CFUNCTYPE(c_int, c_void_p, c_uint32, BytesOut, Sink)
Tell = CFUNCTYPE(c_int, c_void_p, c_uint32, BytesOut, BytesOut)


class Table(Structure):
    """What the host does for the engine."""

    _fields_ = [
        ("software", Text),
        ("threaded", c_bool),
        ("forked", c_bool),
        ("read", Read),
        ("start", Start),
        ("write", Write),
        ("send_file", SendFile),
        ("finish", Finish),
        ("departed", Departed),
        ("log", Log),
        ("ask", Ask),
        ("tell", Tell),
    ]


class Beginning(Structure):
    """How Python is to be begun."""

    _fields_ = [("executable", Text), ("host", POINTER(Table))]


class Engine(Structure):
    """What the engine does for the host."""

    _fields_ = [
        ("version", c_uint32),
        ("release", BytesOut),
        ("begin", CFUNCTYPE(c_int, POINTER(Beginning), Sink)),
        ("load", CFUNCTYPE(c_void_p, List, Sink)),
        ("answer", CFUNCTYPE(c_int, c_void_p, c_void_p, POINTER(Request))),
        ("forget", CFUNCTYPE(None, c_void_p)),
        ("end", CFUNCTYPE(None, c_uint64)),
    ]


def text(value: str) -> Text:
    """A text of ours."""
    octets = value.encode()
    return Text(octets, len(octets))


class Host:
    """The host: what it was told while a request was answered."""

    def __init__(self) -> None:
        self.log: list[list[Any]] = []
        self.notes = {"from": "a module"}
        self.sent: dict[str, Any] = {}
        self.body = b""
        self.why: list[str] = []
        self.sink = Sink(None, Put(self._why))
        self.table = Table(
            text("miniature/1"),
            True,
            False,
            Read(self._read),
            Start(self._start),
            Write(self._write),
            SendFile(self._send_file),
            Finish(self._finish),
            Departed(lambda _: False),
            Log(self._log),
            Ask(self._ask),
            Tell(self._tell),
        )

    def _why(self, _: int | None, why: BytesOut) -> None:
        self.why.append(why.bytes.decode())

    def _read(self, _: int | None, buffer: Any, size: int, count: Any) -> int:
        piece, self.body = self.body[:size], self.body[size:]
        ctypes.memmove(buffer, piece, len(piece))
        count[0] = len(piece)
        return DONE

    def _start(self, _: int | None, status: int, reason: BytesOut, many: List) -> int:
        pairs = cast(many.data, POINTER(Pair))
        self.sent = {
            "status": f"{status} {reason.bytes.decode()}",
            "fields": {
                pairs[i].name.bytes.decode(): pairs[i].value.bytes.decode()
                for i in range(many.length)
            },
            "body": "",
            "whole": False,
        }
        return DONE

    def _write(self, _: int | None, piece: BytesOut, _flush: bool) -> int:
        self.sent["body"] += piece.bytes.decode()
        return DONE

    def _send_file(
        self, _: int | None, descriptor: int, offset: int, length: int, sent: Any
    ) -> int:
        piece = os.pread(descriptor, length, offset)
        self.sent["body"] += piece.decode()
        self.sent["by_descriptor"] = True
        sent[0] = len(piece)
        return DONE

    def _finish(self, _: int | None) -> int:
        self.sent["whole"] = True
        return DONE

    def _log(self, context: int | None, level: int, line: BytesOut) -> None:
        self.log.append([context is not None, level, line.bytes.decode()])

    def _ask(self, _: int | None, matter: int, name: BytesOut, sink: Sink) -> int:
        asked = name.bytes.decode()
        answers = {
            NOTE: [self.notes[asked]] if asked in self.notes else None,
            NOTES: list(self.notes),
            USER: ["alice"],
            SERVER: ["webmaster@example.com"] if asked == "admin" else None,
            LOOKUP: ["status=200", f"filename=/srv{asked}", "exists=1"],
        }
        answer = answers.get(matter)
        for part in answer or ():
            octets = ctypes.create_string_buffer(part.encode())
            sink.put(sink.keeper, BytesOut(ctypes.addressof(octets), len(part)))
        return UNKNOWN if answer is None else DONE

    def _tell(self, _: int | None, matter: int, name: BytesOut, value: BytesOut) -> int:
        if matter == NOTE:
            self.notes[name.bytes.decode()] = value.bytes.decode()
        elif matter == REDIRECT:
            self.sent["redirect"] = value.bytes.decode()
        else:
            return UNKNOWN
        return DONE


def request(told: dict[str, Any], earlier: int, kept: c_void_p) -> tuple[Request, Any]:
    """The request that is told, and what must live as long."""
    target = told.get("target", "/")
    path, _, query = target.partition("?")

    def pairs(values: dict[str, str]) -> Any:
        array = (Pair * len(values))()
        alive: list[Any] = [array]
        for place, (name, value) in zip(array, values.items(), strict=True):
            for part, content in ((place.name, name), (place.value, value)):
                octets = ctypes.create_string_buffer(content.encode())
                alive.append(octets)
                part.data = ctypes.addressof(octets)
                part.length = len(content.encode())
        return List(ctypes.addressof(array), len(values)), alive

    fields, some = pairs({"Host": "example.com", **told.get("fields", {})})
    variables, more = pairs(told.get("variables", {}))
    return (
        Request(
            text(told.get("method", "GET")),
            text(target),
            told.get("protocol", 1001),
            told.get("secure", False),
            earlier,
            text(told.get("mount", "")),
            text(told.get("path_info", path)),
            text(told.get("query", query)),
            fields,
            variables,
            text("example.com"),
            80,
            told.get("port", 40000),
            text("192.0.2.1"),
            text(told.get("user", "")),
            text("Basic" if told.get("user") else ""),
            "body" in told,
            ctypes.pointer(kept),
        ),
        (some, more),
    )


def main(told: dict[str, Any]) -> dict[str, Any]:
    """Loads an application and has it answer requests of one connection."""
    library = ctypes.CDLL(told["engine"])
    entry = library.narthex_engine
    entry.restype = POINTER(Engine)
    entry.argtypes = [c_uint32, POINTER(c_uint32)]
    speaks = c_uint32()
    stranger = bool(entry(VERSION + 1, byref(speaks)))
    host, said = Host(), {"stranger": False, "speaks": speaks.value}
    said["stranger"] = stranger
    engine = entry(VERSION, byref(speaks)).contents
    said["release"] = engine.release.bytes.decode()
    executable = told.get("executable", sys.executable)
    beginning = Beginning(text(executable), ctypes.pointer(host.table))
    said["begun"] = engine.begin(byref(beginning), host.sink)
    answers = []
    if said["begun"] == DONE:
        words = [text(word) for word in told["arguments"]]
        arguments = (Text * len(words))(*words)
        application = engine.load(
            List(ctypes.addressof(arguments), len(words)), host.sink
        )
        kept = c_void_p()
        for earlier, each in enumerate(told["requests"] if application else ()):
            host.sent, host.body = {}, each.get("body", "").encode()
            ready, _alive = request(each, earlier, kept)
            status = engine.answer(application, id(host), byref(ready))
            answers.append({**host.sent, "returned": status})
        if kept.value:
            engine.forget(kept)
        engine.end(10_000)
    return {**said, "why": "".join(host.why), "answers": answers, "log": host.log}


if __name__ == "__main__":
    result = json.dumps(main(json.loads(sys.argv[1])))
    os.write(1, result.encode())
