"""The judge of the matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from machine import Failure
from matrix import check, read

if TYPE_CHECKING:
    from pathlib import Path

PASSED = "framing\thyper\twsgi\tpass"
EXCUSED = "framing\tcgi\twsgi\texcused:lacks framing"


def judged(
    folder: Path, *cells: str, allowed: str = "cgi wsgi 1\n", full: bool = False
) -> None:
    """Has a matrix of these cells checked."""
    (folder / "a.tsv").write_text("\n".join(["case\tbackend\tapi\toutcome", *cells]))
    (folder / "EXCUSED").write_text(f"# backend, API, number\n{allowed}")
    check(read(folder.glob("*.tsv")), [folder / "EXCUSED"], full=full)


def test_a_whole_matrix_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judged(tmp_path, PASSED, EXCUSED)
    assert capsys.readouterr().out.splitlines() == [
        "         cgi/wsgi  hyper/wsgi",
        "framing  (1)       +",
        "(1) excused: lacks framing",
        "",
        "cgi/wsgi: 0 passed, 1 excused of 1 allowed, 0 unexplained",
        "hyper/wsgi: 1 passed, 0 excused of 0 allowed, 0 unexplained",
    ]


@pytest.mark.parametrize(
    ("cells", "allowed", "complaint"),
    [
        ([PASSED, EXCUSED], "", "cgi/wsgi: 1 excused, EXCUSED says 0"),
        ([PASSED], "cgi wsgi 1\n", "cgi/wsgi: 0 excused, EXCUSED says 1"),
        ([PASSED.replace("pass", "fail")], "", "framing on hyper/wsgi: fail"),
        ([PASSED.replace("pass", "skip")], "", "framing on hyper/wsgi: skip"),
        ([PASSED.replace("pass", "maybe")], "", "not a cell"),
        ([PASSED.replace("pass", "excused:")], "", "not a cell"),
        ([PASSED, PASSED.replace("pass", "fail")], "", "twice"),
        ([], "", "no matrix"),
    ],
)
def test_a_difference_fails(
    tmp_path: Path, cells: list[str], allowed: str, complaint: str
) -> None:
    with pytest.raises(Failure, match=complaint):
        judged(tmp_path, *cells, allowed=allowed)


def test_some_columns_are_those_of_full_runs(tmp_path: Path) -> None:
    allowed = "full cgi wsgi 1\n"
    judged(tmp_path, PASSED, allowed=allowed)
    judged(tmp_path, PASSED, EXCUSED, allowed=allowed, full=True)
    with pytest.raises(Failure, match="cgi/wsgi: 0 excused, EXCUSED says 1"):
        judged(tmp_path, PASSED, allowed=allowed, full=True)


def test_the_rust_suite_is_an_api_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cgi.tsv").write_text(
        "MATRIX\tcgi\tbody::empty\tpassed\n"
        "MATRIX\tcgi\thead::raw\texcused\tno framing\n"
    )
    (tmp_path / "EXCUSED").write_text("cgi 1\n")
    check(read([tmp_path / "cgi.tsv"]), [tmp_path / "EXCUSED"], full=False)
    assert capsys.readouterr().out.splitlines() == [
        "             cgi/rust",
        "body::empty  +",
        "head::raw    (1)",
        "(1) excused: no framing",
        "",
        "cgi/rust: 1 passed, 1 excused of 1 allowed, 0 unexplained",
    ]


@pytest.mark.parametrize("outcome", ["FAILED", "not run"])
def test_a_case_of_the_rust_suite_that_did_not_pass(
    tmp_path: Path, outcome: str
) -> None:
    (tmp_path / "cgi.tsv").write_text(f"MATRIX\tcgi\tbody::empty\t{outcome}\n")
    with pytest.raises(Failure, match="body::empty on cgi/rust"):
        check(read([tmp_path / "cgi.tsv"]), [], full=False)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("what\never\n")
    with pytest.raises(Failure, match="not a cell"):
        read([tmp_path / "a.tsv"])
