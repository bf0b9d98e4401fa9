"""What rounds of a comparison say together: the median of their ratios, and between which bounds it lies.

The bounds are order statistics: of the sorted ratios, the k-th from either end. The true median lies outside of them
only if fewer than k rounds fell on one side of it, as a fair coin shows fewer than k heads. So their confidence is
exact, for few rounds and whatever the noise looks like. A bootstrap of a dozen rounds promises 95 % and holds less.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import comb
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CONFIDENCE", "FEWEST_ROUNDS", "LIMIT", "Interval", "Verdict", "verdict"]

CONFIDENCE = 0.95
FEWEST_ROUNDS = 6
"""With fewer, even the smallest and the largest ratio are no bounds of 95 %."""
LIMIT = 0.95
"""A speed below this part of the other commit's is worse; what lies above is within the noise of machines."""


class Verdict(StrEnum):
    """What an interval says about a figure."""

    WORSE = "worse"
    """The whole interval lies below the limit."""
    HELD = "held"
    """The whole interval lies at the limit or above."""
    UNDECIDED = "undecided"
    """The limit lies within the interval; more rounds make it narrower."""


@dataclass(frozen=True, slots=True)
class Interval:
    """The median of values, and the bounds of the true one.

    Attributes:
        confidence: How sure the bounds are; at least `CONFIDENCE`, for there are only so many pairs of bounds.
    """

    median: float
    low: float
    high: float
    confidence: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Interval:
        """The narrowest interval that holds the median with `CONFIDENCE`.

        Args:
            values: One of each round; the rounds are independent of each other.

        Raises:
            ValueError: There are fewer than `FEWEST_ROUNDS`.
        """
        if len(values) < FEWEST_ROUNDS:
            raise ValueError(
                f"{len(values)} rounds give no interval of {CONFIDENCE:.0%}; take at least {FEWEST_ROUNDS}"
            )
        ordered = sorted(values)
        rank = max(rank for rank in range(1, len(ordered) // 2 + 1) if _confidence(rank, len(ordered)) >= CONFIDENCE)
        return cls(median(ordered), ordered[rank - 1], ordered[-rank], _confidence(rank, len(ordered)))


def verdict(interval: Interval, *, limit: float = LIMIT) -> Verdict:
    """What the interval of a ratio says; a ratio counts how many times as fast as the other commit this tree is."""
    if interval.high < limit:
        return Verdict.WORSE
    return Verdict.HELD if interval.low >= limit else Verdict.UNDECIDED


def _confidence(rank: int, count: int) -> float:
    """How often the median lies between the `rank`-th smallest and the `rank`-th largest of so many values."""
    return float(1 - 2 * sum(comb(count, fewer) for fewer in range(rank)) / 2**count)
