"""Instructions by part: files of callgrind are read right."""

from __future__ import annotations

from bench import parts

FILE = """\
positions: line
events: Ir

fl=(1) a.rs
fn=(1) narthex_adapters::guard::Guard::inspect
12 100
+3 20
cfn=(2) __memcpy_avx
calls=3 7
* 4000
15 1

fn=(2)
7 4000
fn=(3) <hyper::proto::Conn as tokio::Io>::poll
1 5
totals: 4126
"""


def test_what_a_function_calls_is_not_its_own() -> None:
    """Inclusive lines are left out, names given once are known from then on."""
    counts = parts.by_function([FILE, FILE])
    assert counts == {
        "narthex_adapters::guard::Guard::inspect": 242,
        "__memcpy_avx": 8000,
        "<hyper::proto::Conn as tokio::Io>::poll": 10,
    }
    assert parts.by_part(counts) == {"guard": 242, "libc": 8000, "hyper": 10}


def test_parts_of_names() -> None:
    """Names that hold several parts belong to what implements, not to the trait."""
    names = {
        "narthex_adapters::hyper::wire::Wire<I>::poll_read": "adapter",
        "<_narthex::wsgi::Wsgi as narthex_core::handler::Handler>::now": "engine",
        "_narthex::wsgi::environ::Template::environ": "engine",
        "_PyEval_EvalFrameDefault": "interpreter",
        "0x00000000004d57a0": "interpreter",
        "tokio::runtime::io::driver::Driver::turn": "tokio",
        "core::str::converts::from_utf8": "others",
    }
    assert {name: parts.part(name) for name in names} == names
