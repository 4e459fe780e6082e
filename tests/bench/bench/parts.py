"""Instructions by the part of the server that executes them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

# The first that matches a function's name has it: ours before what they implement.
PARTS = (
    ("guard", r"narthex_adapters::guard"),
    ("adapter", r"narthex_adapters|<core::future::poll_fn"),
    ("engine", r"_narthex::|pyo3"),
    ("core", r"narthex_core"),
    ("hyper", r"hyper::|httparse|http::|bytes::|http_body"),
    ("tokio", r"tokio|mio::|std::sys|std::time|pow|__float|parking_lot|slab"),
    ("interpreter", r"^(_?Py|0x|_*py|PyO|unicode|dict|tuple|list|gc_|type_|method_)"),
    (
        "libc",
        r"mem(cpy|move|set|cmp)|malloc|free|calloc|pthread|tls_get_addr|recv|send"
        r"|epoll|clock_gettime|write|futex|_int_|cancel",
    ),
)
OTHERS = "others"

_FUNCTION = re.compile(r"fn=\((\d+)\)(?: (.*))?")
_CALLED = re.compile(r"cfn=\((\d+)\) (.*)")


def part(function: str) -> str:
    """Names the part that a function belongs to."""
    matching = (name for name, pattern in PARTS if re.search(pattern, function))
    return next(matching, OTHERS)


def by_function(texts: Iterable[str]) -> Counter[str]:
    """Sums the instructions of each function itself over files of callgrind."""
    counts: Counter[str] = Counter()
    for text in texts:
        names: dict[str, str] = {}
        current, called = "", False
        for line in text.splitlines():
            if match := _FUNCTION.match(line):
                if match[2]:
                    names[match[1]] = match[2]
                current = names[match[1]]
            elif match := _CALLED.match(line):
                names[match[1]] = match[2]
            elif line.startswith("calls="):
                called = True  # the next line is what the callee cost
            elif line[:1] in "+-*0123456789" and line[:1]:
                if not called:
                    counts[current] += int(line.split()[1])
                called = False
    return counts


def by_part(counts: Counter[str]) -> Counter[str]:
    """Sums the instructions of each part."""
    parts: Counter[str] = Counter()
    for function, count in counts.items():
        parts[part(function)] += count
    return parts
