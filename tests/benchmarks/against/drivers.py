"""Which benchmark code measures the other tree: this tree's where it runs there, else that tree's own."""

from __future__ import annotations

import shutil
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.against.moved import as_in

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Drivers", "install"]

_BENCHMARKS = Path("tests", "benchmarks")
_WORKLOADS = _BENCHMARKS / "against"


class Drivers(StrEnum):
    """What of the benchmark code is this tree's, in the order in which it is tried."""

    SHARED = "this tree's benchmarks"
    WORKLOADS = "this tree's workloads, on the other commit's own harness"
    OWN = "the other commit's own benchmarks"


def install(drivers: Drivers, *, source: Path, target: Path, original: Path) -> bool:
    """Put the benchmark code in its place in the other tree; it names the hub's modules as that tree does.

    Args:
        drivers: Which.
        source: This tree.
        target: The other tree; its benchmarks are replaced.
        original: A copy of the benchmarks that the other tree came with; it is made when it is not there.

    Returns:
        Whether there is such code: a commit that is older than these comparisons has no workloads of its own.
    """
    if not original.exists():
        (target / _BENCHMARKS).mkdir(parents=True, exist_ok=True)
        shutil.copytree(target / _BENCHMARKS, original)
    shutil.rmtree(target / _BENCHMARKS)
    shutil.copytree(original, target / _BENCHMARKS)
    if drivers is Drivers.OWN:
        return (target / _WORKLOADS / "worker.py").exists()
    for file in _files(source, drivers):
        place = target / file.relative_to(source)
        place.parent.mkdir(exist_ok=True)
        place.write_text(as_in(target, file.read_text(encoding="utf-8")), encoding="utf-8")
    return True


def _files(source: Path, drivers: Drivers) -> Iterator[Path]:
    yield from (source / _WORKLOADS).glob("*.py")
    if drivers is Drivers.SHARED:
        yield from (source / _BENCHMARKS).glob("*.py")
