"""What runs have done, counted, as a person reads it and as docs/guarantees.md has it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.faults import FAULTS
from tests.chaos.simulation import NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.chaos.simulation import Outcome

__all__ = ["Figures", "write"]

_PAGE = Path(__file__).parents[2] / "docs/guarantees.md"
_BEGIN, _END = "<!-- chaos: python -m tests.chaos --write -->", "<!-- /chaos -->"
_FEWEST = 50
"""How often everything must have been done, over all runs of a full soak."""


class Figures:
    """Counts over several runs."""

    def __init__(self) -> None:
        self.runs = 0
        self.steps = 0
        self.violations: list[str] = []
        self.operations: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()

    def add(self, outcome: Outcome) -> None:
        """Count one run."""
        self.runs += 1
        self.steps += outcome.step
        self.operations += outcome.operations
        self.faults += outcome.faults
        self.seen += outcome.seen
        if outcome.rule:
            self.violations.append(f"CHAOS_SEED={outcome.seed}, step {outcome.step}: {outcome.rule}: {outcome.detail}")

    def rare(self) -> list[str]:
        """What was done too seldom to have shown anything."""
        done = self.operations + self.faults
        return sorted(name for name in {*NAMES, *FAULTS, *done} if done[name] < _FEWEST)

    def lines(self) -> list[str]:
        """All counts, the most frequent first."""
        head = f"{self.runs} seeds, {self.steps:,} steps, {len(self.violations)} violations"
        lines = [head]
        for title, counts in (("operations", self.operations), ("faults", self.faults), ("seen", self.seen)):
            lines.append(f"{title}:")
            lines += [f"{count:9,}  {name}" for name, count in counts.most_common()]
        return lines

    def table(self) -> str:
        """The counts as Markdown."""
        rows = [
            f"{self.runs} seeds, {self.steps:,} steps, {len(self.violations)} violations.",
            "",
            "| operation | times | fault | times |",
            "| --- | --- | --- | --- |",
        ]
        left, right = self.operations.most_common(), self.faults.most_common()
        longest = max(len(left), len(right))
        rows += [f"| {_cells(left, number)} | {_cells(right, number)} |" for number in range(longest)]
        return "\n".join(rows)


def _cells(counts: Sequence[tuple[str, int]], number: int) -> str:
    return f"{counts[number][0]} | {counts[number][1]:,}" if number < len(counts) else "|"


def write(figures: Figures, *, page: Path = _PAGE) -> None:
    """Put the figures between their markers in docs/guarantees.md."""
    text = page.read_text()
    before, _, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not end:
        raise ValueError(f"{page} has no place for the figures: {_BEGIN} ... {_END}")
    page.write_text(f"{before}{_BEGIN}\n{figures.table()}\n{_END}{after}")
