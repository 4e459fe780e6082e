"""The stages of a run of the tests."""

from __future__ import annotations

import os
import sys
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import machine
import matrix
import wheel
from machine import CACHE, ROOT, VENV, Failure, run, target

if TYPE_CHECKING:
    from collections.abc import Callable

PYTHON = VENV / "bin" / "python"
TESTS = ROOT / "tests"
# The cargo profile for the other Pythons: what the package is made of has been compiled
# with it for the Rust tests, and what it checks at run time is looked at, too.
OTHERS = "dev"
# What the suites of this run have left of the matrix.
CELLS: dict[matrix.Cell, str] = {}


@dataclass(frozen=True)
class Options:
    """How the stages are run.

    Attributes:
        full: Whether with what takes longer.
        release: Whether what is tested is built as for its users, which takes longer
            too, unless that has been done before.
    """

    full: bool = False
    release: bool = False

    @property
    def profile(self) -> str:
        """The cargo profile of the package that is tested."""
        return "release" if self.release else "quick"


@dataclass(frozen=True)
class Stage:
    """One step of a run.

    Attributes:
        name: What it is called on the command line.
        summary: What it does, in a line.
        work: Does it.
        needs: The stages that must have passed before.
        after: The stages that must have run before, whatever came of them.
    """

    name: str
    summary: str
    work: Callable[[Options], None] = field(repr=False)
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


def setup(_options: Options) -> None:
    """Installs packages that tests need, and makes the environment they run in."""
    with machine.alone():
        machine.install_packages()
        machine.environment_at(
            VENV,
            Path(sys.executable),
            "requirements.txt",
            "requirements-tools.txt",
            "apps/requirements.txt",
        )


def build(options: Options) -> None:
    """Builds the package and installs it into the environment."""
    with machine.alone():
        wheel.build_programs(PYTHON, options.profile, target())
        built = wheel.build(PYTHON, PYTHON, options.profile, target())
        wheel.install(built, PYTHON)


def corpus(_options: Options) -> None:
    """Fetches the raw requests that gunicorn's tests replay."""
    with machine.alone():
        if corpus_folder().is_dir():
            return
        downloads = CACHE / "downloads"
        pinned = TESTS / "requirements-corpus.txt"
        run(
            *(PYTHON, "-m", "pip", "download", "--quiet", "--no-deps"),
            *("--no-binary", "gunicorn", "--require-hashes"),
            *(f"--dest={downloads}", f"--requirement={pinned}"),
        )
        unpacked = CACHE / "unpacked"
        with tarfile.open(downloads / f"{corpus_folder().name}.tar.gz") as archive:
            archive.extractall(unpacked)  # trusted: pip has compared its hash
        # Renamed when whole, so that an interrupted run leaves nothing half there.
        (unpacked / corpus_folder().name).rename(corpus_folder())


def corpus_folder() -> Path:
    """Where the sdist of gunicorn is unpacked."""
    pinned = (TESTS / "requirements-corpus.txt").read_text()
    name = next(line for line in pinned.splitlines() if line.startswith("gunicorn=="))
    return CACHE / name.split()[0].replace("==", "-")


def rust(_options: Options) -> None:
    """Runs the Rust tests: core, adapters, and the suite on every backend."""
    rows = target() / "conformance"
    # The suite leaves its rows in one place, so two runs take turns.
    with machine.alone("rust"):
        for file in rows.glob("*.tsv"):
            file.unlink()
        try:
            run(
                *("cargo", "test", "--workspace", "--all-features", "--locked"),
                "--no-fail-fast",
                environment={**machine.embedding(PYTHON), **suite_environment()},
            )
        finally:
            CELLS.update(matrix.read(sorted(rows.glob("*.tsv"))))


def python(options: Options) -> None:
    """Runs the Python tests on every backend and API."""
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "python.tsv"
        try:
            pytest(
                *("tests/runner", "tests/bench", "tests/python"),
                "--ignore=tests/python/examples",
                *("--matrix", str(rows)),
                options=options,
            )
        finally:
            CELLS.update(matrix.read([rows] if rows.exists() else []))


def fuzz(options: Options) -> None:
    """Feeds the parsers of the gateway protocols with nonsense."""
    seconds = 300 if options.full else 3
    run(
        *(TESTS / "fuzz" / "run", str(seconds)),
        environment={"CARGO_TARGET_DIR": str(target())},
    )


def apps(options: Options) -> None:
    """Runs the real applications."""
    pytest("tests/apps", options=options)


def examples(options: Options) -> None:
    """Runs every example."""
    pytest("tests/python/examples", options=options)


def pytest(*what: str, options: Options) -> None:
    """Runs tests in the environment, on every core."""
    selection = [] if options.full else ["-m", "not full"]
    # Two for each core: much of the time is spent waiting for a web server.
    processes = 2 * (os.cpu_count() or 1)
    command = ["-m", "pytest", f"--numprocesses={processes}", *selection, *what]
    environment = {**suite_environment(), **wheel_of(PYTHON, options.profile)}
    run(PYTHON, *command, environment=environment)


def suite_environment() -> dict[str, str]:
    """What the suites are told: where the raw requests are."""
    return {"NARTHEX_GUNICORN_CORPUS": str(corpus_folder() / "tests" / "requests")}


def wheel_of(python: Path, profile: str) -> dict[str, str]:
    """What the Python tests are told: what was installed."""
    return {"NARTHEX_WHEEL": str(wheel.built(python, profile, target()))}


def show_matrix(options: Options) -> None:
    """Prints case × backend × API, and fails on any unexplained difference."""
    matrix.check(CELLS, sorted(TESTS.glob("*/EXCUSED")), full=options.full)


def interpreters(options: Options) -> None:
    """Builds for each other Python on the machine, and runs the smoke tests there."""
    main = machine.version_of(PYTHON)
    others = [other for other in machine.interpreters() if other.version != main]
    if not others:
        print("no other supported Python here", flush=True)
    for other in others:
        with machine.alone():
            inside = machine.environment_at(
                target() / f"python{other.name}", other.path, "requirements.txt"
            )
            built = wheel.build(PYTHON, inside, OTHERS, target())
            wheel.install(built, inside)
        selection = "not full" if options.full else "smoke"
        run(
            *(inside, "-m", "pytest", "--numprocesses=auto", "-m", selection),
            *("tests/python", "--ignore=tests/python/examples"),
            # What is in front makes no difference to how a Python is called.
            "--backends=hyper,tiny-http,cgi,fastcgi,cgi-warm",
            environment={
                **suite_environment(),
                **wheel_of(inside, OTHERS),
                "NARTHEX_OTHER_PYTHON": str(PYTHON),
            },
        )


def instructions(options: Options) -> None:
    """Counts instructions per request, and compares them with what is recorded."""
    run(TESTS / "bench" / "instructions", "--check", *wheel_for_bench(options))


def bench(options: Options) -> None:
    """Plays the bench: a few seconds of it to see that it works, or all of it."""
    quick = [] if options.full else ["--quick"]
    run(TESTS / "bench" / "run", *quick, *wheel_for_bench(options))


def wheel_for_bench(options: Options) -> list[str]:
    """What saves the bench a build, where there is one with all optimisations."""
    if not options.release:
        return []
    return [f"--wheel={wheel.built(PYTHON, options.profile, target())}"]


STAGES = {
    stage.name: stage
    for stage in [
        Stage("setup", "packages and the environment .venv", setup),
        Stage("build", "the package, into .venv", build, ("setup",)),
        Stage("corpus", "raw requests of gunicorn's tests", corpus, ("setup",)),
        Stage("rust", "the Rust tests", rust, ("setup", "corpus")),
        Stage("fuzz", "nonsense for the gateways' parsers", fuzz, ("setup",)),
        Stage("python", "the Python tests", python, ("build", "corpus")),
        Stage("apps", "real applications", apps, ("build",)),
        Stage("examples", "every example", examples, ("build",)),
        Stage("matrix", "case × backend × API", show_matrix, after=("rust", "python")),
        Stage("interpreters", "the other Pythons here", interpreters, ("build",)),
        Stage("instructions", "instructions per request", instructions, ("build",)),
        Stage("bench", "side by side with peers", bench, ("build",)),
    ]
}


def in_order(names: list[str]) -> list[Stage]:
    """These stages and all they need, each once, in an order that can be followed.

    Raises:
        Failure: There is no stage of that name.
    """
    wanted: list[Stage] = []

    def add(name: str) -> None:
        if name not in STAGES:
            raise Failure(f"no stage {name!r}; there are: {', '.join(STAGES)}")
        stage = STAGES[name]
        for need in stage.needs + stage.after:
            add(need)
        if stage not in wanted:
            wanted.append(stage)

    for name in names:
        add(name)
    return wanted
