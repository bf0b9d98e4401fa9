"""Rounds of blocks, A B A B: how fast this tree is, as a part of the other commit's speed.

Two processes of the same code differ for as long as they live, by where things lie in memory and by what the kernel
does with them; and a machine drifts from minute to minute. So in each round both trees start again, and their blocks
take turns. A round gives one ratio, the median of its pairs; the figure is the median of the rounds' ratios.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks.against.intervals import Interval, Verdict, verdict
from tests.benchmarks.against.side import Side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.benchmarks.against.side import Described
    from tests.benchmarks.against.trees import Tree

__all__ = ["Comparison", "compare", "pairs"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A task, measured in both trees.

    Attributes:
        task: What was measured.
        other: What it cost in the other commit, round by round.
        own: The same in this tree.
        ratios: How many times as fast this tree was, round by round.
    """

    task: Described
    other: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)

    def add(self, costs: Sequence[tuple[float, float]]) -> None:
        """Add a round, of pairs of blocks: the other commit's cost, and this tree's."""
        self.other.append(median(other for other, _ in costs))
        self.own.append(median(own for _, own in costs))
        self.ratios.append(median(other / own for other, own in costs))

    @property
    def interval(self) -> Interval:
        """The ratio over all rounds."""
        return Interval.of(self.ratios)

    @property
    def verdict(self) -> Verdict:
        """What the interval says."""
        return verdict(self.interval)


def compare(subject: str, *, other: Tree, own: Tree, rounds: int) -> list[Comparison]:
    """Measure one subject in both trees.

    Only what both trees measure under the same name is compared.

    Raises:
        SideError: A tree cannot do it.
        ForeignCodeError: A process has imported the other tree's code.
    """
    comparisons: Mapping[str, Comparison] = {}
    for number in range(rounds):
        with ExitStack() as stack:
            trees = (other, own) if number % 2 else (own, other)
            # Both start at once; neither is timed until both are ready.
            sides = {tree.root: stack.enter_context(Side.started(tree, subject)) for tree in trees}
            for tree in trees:
                sides[tree.root].await_ready(tree)
            theirs, ours = sides[other.root], sides[own.root]
            if not comparisons:
                comparisons = {what: Comparison(task) for what, task in ours.tasks.items() if what in theirs.tasks}
            for what, comparison in comparisons.items():
                blocks = pairs(partial(theirs.run, what), partial(ours.run, what), comparison.task.pairs, number)
                comparison.add(list(blocks))
    return list(comparisons.values())


def pairs(
    other: Callable[[], float], own: Callable[[], float], count: int, number: int
) -> Iterator[tuple[float, float]]:
    """Run pairs of blocks, A B then B A; which of them is first in a round changes with its number."""
    for pair in range(count):
        if (pair + number) % 2:
            mine = own()
            yield other(), mine
        else:
            theirs = other()
            yield theirs, own()
