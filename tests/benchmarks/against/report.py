"""What came of a comparison, as a table for the terminal and as a section of docs/benchmarks.md."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks.against.drivers import Drivers
from tests.benchmarks.against.intervals import LIMIT, Verdict

if TYPE_CHECKING:
    from tests.benchmarks.against.comparing import Comparison

__all__ = ["Report", "line", "page_with", "section_of"]

_TITLE = "## Against another commit\n"
_HEAD = """\
{title}
This tree ({own}) and commit {other}: {rounds} rounds, {seconds:.0f} s, on {machine}.
In each round both start again, and their blocks take turns. A ratio is how many times as fast this tree is, the median
over the rounds; its interval is that of {confidence:.1%}, by order statistics. A figure is worse if its whole interval
lies below {limit:g}, held if none of it does.

| what | {other} | this tree | ratio | interval | |
| --- | ---: | ---: | ---: | ---: | --- |
"""


@dataclass(slots=True)
class Report:
    """The comparisons of a run, as they come.

    Attributes:
        not_compared: The subjects that failed in one of the trees, each with its last output.
        drivers: With which benchmarks the other commit was measured, by subject.
    """

    comparisons: list[Comparison] = field(default_factory=list)
    not_compared: dict[str, str] = field(default_factory=dict)
    drivers: dict[str, Drivers] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The exit status: 1 if any figure is worse; 2 if none is, but a subject could not be compared."""
        if any(comparison.verdict is Verdict.WORSE for comparison in self.comparisons):
            return 1
        return 2 if self.not_compared else 0

    def section(self, *, other: str, own: str, machine: str, rounds: int, seconds: float) -> str:
        """The section of the document."""
        confidence = min((comparison.interval.confidence for comparison in self.comparisons), default=0.0)
        head = _HEAD.format(
            title=_TITLE,
            other=other,
            own=own,
            machine=machine,
            rounds=rounds,
            seconds=seconds,
            confidence=confidence,
            limit=LIMIT,
        )
        rows = [f"| {' | '.join(_cells(comparison))} |\n" for comparison in self.comparisons]
        notes = [f"- {subject}: measured with {used}\n" for subject, used in self._unshared()]
        notes += [
            f"- {subject}: not compared, {words.splitlines()[-1]}\n" for subject, words in self.not_compared.items()
        ]
        return head + "".join(rows) + ("\n" if notes else "") + "".join(notes)

    def _unshared(self) -> list[tuple[str, Drivers]]:
        return [(subject, used) for subject, used in self.drivers.items() if used is not Drivers.SHARED]


def line(comparison: Comparison) -> str:
    """A comparison in one line for the terminal."""
    what, other, own, ratio, bounds, decided = _cells(comparison)
    return f"{what}: {other} -> {own}, {ratio} ({bounds}): {decided}"


def section_of(page: str) -> str:
    """The section of an earlier comparison; empty without one."""
    _, title, rest = page.partition(_TITLE)
    return title + rest


def page_with(section: str, page: str) -> str:
    """The page with the section, instead of an earlier one, at its end."""
    before = page.partition(_TITLE)[0].rstrip("\n")
    return f"{before}\n\n{section}" if section else f"{before}\n"


def _cells(comparison: Comparison) -> tuple[str, str, str, str, str, str]:
    task, interval = comparison.task, comparison.interval
    return (
        task.what,
        task.shown(median(comparison.other)),
        task.shown(median(comparison.own)),
        f"{interval.median:.3f}",
        f"{interval.low:.3f} to {interval.high:.3f}",
        comparison.verdict,
    )
