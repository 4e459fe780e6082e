"""The pytest plugin: one run of each case on each backend, excuses, the matrix."""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from support.backends import BACKENDS, Backend
from support.fronts.facts import FACTS
from support.log import Log
from support.matrix import Cell, write

NAME = "narthex-backends"
_EXCUSE = "excused(has=CAPABILITY, lacks=CAPABILITY, fact=NAME, because=TEXT)"
_marks = pytest.StashKey[dict[str, int]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options of the suite."""
    group = parser.getgroup("narthex")
    group.addoption("--matrix", metavar="FILE", help="write case × backend × API here")
    group.addoption(
        "--backends",
        metavar="NAME,…",
        help="run on these backends only: " + ", ".join(b.name for b in BACKENDS),
    )
    group.addoption(
        "--facts",
        action="store_true",
        help="run what is excused by a fact about a web server; it must fail, unless"
        " the fact says that it does not always",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declares the markers."""
    config.addinivalue_line(
        "markers",
        f"{_EXCUSE}: leave the case out where the backend has, or lacks, a capability, "
        "or where its web server is known for a fact",
    )
    config.addinivalue_line("markers", "api(NAME): the API that the case belongs to")
    config.pluginmanager.register(Recorder(config), f"{NAME}-recorder")


def chosen(config: pytest.Config) -> list[Backend]:
    """Lists the backends that this run is about."""
    names = config.getoption("--backends", default=None)
    if not names:
        return BACKENDS
    known = {backend.name: backend for backend in BACKENDS}
    return [known[name] for name in names.split(",")]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs a case that asks for `backend` on every backend."""
    if "backend" in metafunc.fixturenames:
        backends = chosen(metafunc.config)
        metafunc.parametrize(
            "backend", backends, ids=[b.name for b in backends], scope="session"
        )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves what takes long on slow backends to full runs."""
    for item in items:
        backend = _backend_of(item)
        if backend and backend.slow and _cell_of(item, backend).api == "wsgi":
            item.add_marker("full")


@pytest.fixture(autouse=True)
def _excuse(request: pytest.FixtureRequest) -> None:
    """Leaves out a case that is excused by a capability or by a fact."""
    backend = _backend_of(request.node)
    if backend is None:
        return
    for marker in request.node.iter_markers("excused"):
        fact = marker.kwargs.get("fact")
        if fact in backend.facts:
            reason = f"{fact}: {backend.facts[fact]}"
            _leave_out(request, reason, always=FACTS[fact].always)
        for relation in ("has", "lacks"):
            capability = marker.kwargs.get(relation)
            if capability is None:
                continue
            if (capability in backend.capabilities) == (relation == "has"):
                pytest.skip(f"excused: {relation} {capability}")


def _leave_out(request: pytest.FixtureRequest, reason: str, *, always: bool) -> None:
    """Skips a case; with `--facts` it runs, and fails where it should always fail."""
    if request.config.getoption("--facts"):
        request.applymarker(pytest.mark.xfail(strict=always, reason=reason))
    else:
        pytest.skip(f"excused: {reason}")


def _backend_of(item: pytest.Item | None) -> Backend | None:
    callspec = getattr(item, "callspec", None)
    backend = callspec.params.get("backend") if callspec else None
    return backend if isinstance(backend, Backend) else None


def _cell_of(item: pytest.Item, backend: Backend) -> Cell:
    callspec = getattr(item, "callspec", None)
    whole = callspec.id if callspec else ""
    rest = re.sub(rf"(^|-){re.escape(backend.name)}(?=-|$)", "", whole, count=1)
    rest = rest.strip("-")
    marker = item.get_closest_marker("api")
    api = callspec.params.get("api") if callspec else None
    case = item.nodeid.partition("[")[0] + (f"[{rest}]" if rest else "")
    return Cell(case, backend.name, str(api or (marker.args[0] if marker else "-")))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Remembers how far the logs are, and which cell of the matrix this is."""
    backend = _backend_of(item)
    if backend is None:
        return
    item.user_properties.append(("cell", tuple(_cell_of(item, backend))))
    item.stash[_marks] = {name: log.mark() for name, log in _logs_of(backend)}


def _logs_of(backend: Backend) -> list[tuple[str, Log]]:
    return [pair for server in backend.servers() for pair in server.logs().items()]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows what the servers logged during a case that failed."""
    report = yield
    backend = _backend_of(item)
    if backend and report.failed:
        marks = item.stash.get(_marks, {})
        for name, log in _logs_of(backend):
            lines = log.since(marks.get(name, 0))
            if lines:
                title = f"log of {name} under {backend.name}"
                report.sections.append((title, "\n".join(lines[-200:])))
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        _refuse_silent_skip(report)
    return report


def _refuse_silent_skip(report: pytest.TestReport) -> None:
    """Turns a skip that no capability excuses into a failure."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
    if "excused: " not in reason:
        report.outcome = "failed"
        report.longrepr = f"skipped under CI: {reason}"


class Recorder:
    """Fills the matrix and, at the end, stops the servers."""

    def __init__(self, config: pytest.Config) -> None:
        """Starts with no cells."""
        self._config = config
        self._cells: dict[Cell, str] = {}
        self._complaints: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notes an outcome; under xdist in the process that collects as well."""
        cell = dict(report.user_properties).get("cell")
        if not isinstance(cell, (tuple, list)):
            return
        key = Cell(*map(str, cell))
        if report.failed:
            self._cells[key] = "fail"
        elif report.skipped and isinstance(report.longrepr, tuple):
            _, _, reason = report.longrepr[2].partition("excused: ")
            self._cells[key] = f"excused:{reason}" if reason else "skip"
        elif report.when == "call":
            self._cells.setdefault(key, "pass")

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_teardown(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> None:
        """Stops the servers of a backend when the next case is one of another.

        Cases come backend by backend; all servers at once would be hundreds.
        """
        backend, following = _backend_of(item), _backend_of(nextitem)
        if backend and following and backend is not following:
            self._complaints += backend.stop()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Stops the servers and writes the matrix."""
        for backend in BACKENDS:
            self._complaints += backend.stop()
        worker = getattr(self._config, "workeroutput", None)
        if worker is not None:
            worker["complaints"] = self._complaints
            return
        if self._complaints:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        path = self._config.getoption("--matrix", default=None)
        if path:
            write(Path(path), self._cells)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Takes over what a worker of xdist had to complain about."""
        self._complaints += getattr(node, "workeroutput", {}).get("complaints", [])

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        """Says which servers did not end well."""
        for complaint in self._complaints:
            terminalreporter.write_line(complaint, red=True)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Backend:
    """The backend of this run of the case."""
    chosen_backend: Backend = request.param
    return chosen_backend
