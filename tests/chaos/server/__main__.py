"""`python -m tests.chaos.server --seeds 5 --seconds 60`: chaos on three instances of the server, in real time."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.server.mutants import MUTANTS, at_work
from tests.chaos.server.runs import reported
from tests.chaos.server.servers import BACKENDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.chaos.server.runs import Report

_MUTANT_PATIENCE = 45.0
"""Seconds. A fault may be that a run comes to no end."""


def main() -> int:
    """Run seeds one after the other, or put faults into the server.

    Returns:
        1 if a run has shown a fault; with `--mutants`, 1 if a fault was not caught.
    """
    given = _arguments()
    seeds = range(given.seed, given.seed + given.seeds)
    if given.mutants is not None:
        return _mutants(given.mutants or MUTANTS, seeds, given.seconds)
    failed = 0
    for seed in seeds:
        began = time.monotonic()
        folder = given.keep / str(seed) if given.keep else None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        report = reported(seed, seconds=given.seconds, folder=folder, backend=given.backend)
        _print(seed, report, time.monotonic() - began, operations=given.operations)
        failed += bool(report.found)
    return int(failed > 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.server", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1, help="how many runs, each with the next seed")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("CHAOS_SEED", "1")), help="the first one")
    parser.add_argument("--seconds", type=float, default=35.0, help="how long each run publishes")
    parser.add_argument("--backend", choices=BACKENDS, default="redis", help="where events are")
    parser.add_argument("--keep", type=Path, help="a folder for transcripts and logs of runs")
    parser.add_argument("--operations", action="store_true", help="print how often each operation was done")
    parser.add_argument(
        "--mutants",
        nargs="*",
        choices=MUTANTS,
        metavar="NAME",
        help="put faults into the server, and say what catches each",
    )
    return parser.parse_args()


def _mutants(names: Sequence[str], seeds: Sequence[int], seconds: float) -> int:
    missed = 0
    for name in names:
        for seed in seeds:
            with at_work(name) as environment:
                report = reported(seed, seconds=seconds, patience=_MUTANT_PATIENCE, environment=environment)
            if report.found:
                print(f"{name}: caught with seed {seed}: {report.found[0]}", flush=True)
                break
        else:
            print(f"{name}: not caught", flush=True)
            missed += 1
    return int(missed > 0)


def _print(seed: int, report: Report, seconds: float, *, operations: bool) -> None:
    transcript = report.outcome.transcript
    sessions = sum(len(subscriber.sessions) for subscriber in transcript.subscribers)
    print(
        f"seed {seed}: {len(transcript.publishes)} publishes, {sessions} sessions of subscribers, "
        f"{sum(report.outcome.done.values())} operations, {report.kills} kills, {report.pauses} pauses, "
        f"{len(report.losses)} losses, "
        f"{seconds:.0f} s: {'broken' if report.found else 'every promise was kept'}",
        flush=True,
    )
    if operations:
        for name, count in sorted(report.outcome.done.items()):
            print(f"  {count:5} {name}")
    for sentence in report.found:
        print(f"  {sentence}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
