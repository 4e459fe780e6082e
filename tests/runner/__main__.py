"""Runs every test of the project: the one command, by hand and in CI."""

from __future__ import annotations

import argparse
import sys
import time

import stages
from machine import Failure


def main() -> int:
    """Runs the stages asked for, and returns the exit status."""
    options = _options()
    try:
        plan = stages.in_order(options.stages or list(stages.STAGES))
    except Failure as failure:
        print(f"tests/run: {failure}", file=sys.stderr)
        return 2
    failed: dict[str, str] = {}
    lines: list[str] = []
    for stage in plan:
        print(f"\n=== {stage.name}: {stage.summary}", flush=True)
        began = time.monotonic()
        broken = [need for need in stage.needs if need in failed]
        try:
            if broken:
                raise Failure(f"needs {broken[0]}, which failed")
            stage.work(stages.Options(options.full, options.release))
            outcome = "passed"
        except Failure as failure:
            outcome = failed[stage.name] = f"FAILED: {failure}"
            print(f"tests/run: {stage.name}: {failure}", file=sys.stderr, flush=True)
        lines.append(f"{time.monotonic() - began:7.1f} s  {stage.name:13} {outcome}")
    print("\n=== summary", *lines, sep="\n")
    print(f"stages: {len(plan) - len(failed)} passed, {len(failed)} failed", flush=True)
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    listing = "\n".join(
        f"  {stage.name:13} {stage.summary}" for stage in stages.STAGES.values()
    )
    parser = argparse.ArgumentParser(
        prog="tests/run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"stages, each run after those it needs:\n{listing}\n\n"
        "Under CI=true nothing is skipped: what is missing is a failure.",
    )
    parser.add_argument("stages", nargs="*", metavar="STAGE", help="default: all")
    parser.add_argument(
        "--full", action="store_true", help="also what takes longer; see tests/FULL.md"
    )
    parser.add_argument(
        "--release",
        action="store_true",
        help="test what `pip install .` builds, not what is built quickly",
    )
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
