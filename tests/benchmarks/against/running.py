"""`python -m tests.benchmarks --against COMMIT`: this tree against another commit, subject by subject."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.benchmarks.against.comparing import compare
from tests.benchmarks.against.drivers import Drivers, install
from tests.benchmarks.against.report import Report, line, page_with
from tests.benchmarks.against.side import Side, SideError
from tests.benchmarks.against.trees import checked_out
from tests.benchmarks.document import PLACE, machine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.benchmarks.against.trees import Tree

__all__ = ["DEFAULT_ROUNDS", "HOT", "prepared", "run"]

HOT = ("appending", "reading", "dispatch", "catchup", "catchup-stack", "latency")
"""What is compared when nothing is named: what most of a hub's time goes into, within ten minutes on two processors."""
DEFAULT_ROUNDS = 11


def run(commit: str, *, subjects: Sequence[str] = HOT, rounds: int = DEFAULT_ROUNDS, write: bool = False) -> int:
    """Compare, print each figure as it is known, and the table at the end.

    Args:
        commit: The other commit.
        subjects: Which of `workloads.WORKLOADS`.
        rounds: The number of rounds, in each of which both trees start new processes.
        write: Put the table into docs/benchmarks.md.

    Returns:
        The exit status; see `Report.status`.

    Raises:
        CheckoutError: There is no such commit.
        ForeignCodeError: A process of one tree has imported the code of the other.
    """
    began = time.monotonic()
    report = Report()
    with checked_out(commit) as (other, own):
        for tree in (other, own):
            tree.verify()
        for subject in subjects:
            try:
                report.drivers[subject] = prepared(subject, other, source=own.root)
                comparisons = compare(subject, other=other, own=own, rounds=rounds)
            except SideError as error:
                report.not_compared[subject] = str(error)
                print(f"{subject}: not compared\n{error}", flush=True)
                continue
            report.comparisons += comparisons
            for comparison in comparisons:
                print(line(comparison), flush=True)
    section = report.section(
        other=other.commit, own=own.commit, machine=machine(), rounds=rounds, seconds=time.monotonic() - began
    )
    print(f"\n{section}")
    if write:
        PLACE.write_text(page_with(section, PLACE.read_text(encoding="utf-8")), encoding="utf-8")
        print(f"Written to docs/{PLACE.name}.")
    return report.status


def prepared(subject: str, other: Tree, *, source: Path) -> Drivers:
    """Put benchmarks into the other tree that run there.

    Args:
        source: The tree whose benchmarks are tried first.

    Raises:
        SideError: None do.
    """
    reasons = []
    for drivers in Drivers:
        if not install(drivers, source=source, target=other.root, original=other.root.parent / "original"):
            continue
        try:
            with Side.started(other, subject) as side:
                side.await_ready(other)
        except SideError as error:
            reasons.append(f"with {drivers}: {error}")
        else:
            return drivers
    raise SideError("\n".join(reasons))
