"""Times two implementations in turn, and computes figures from the times.

A machine's state drifts from second to second: what is measured first and what is measured later do not compare. So
both sides are timed in short blocks, one after the other, and a figure is the median of what each pair of blocks says.
"""

from __future__ import annotations

import gc
import operator
import time
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Aim", "Figure", "NotMeasured", "Rounds", "Unit", "in_turn"]

_SIGNS = {"≥": operator.ge, "≤": operator.le, "<": operator.lt}


class Unit(StrEnum):
    """The unit of a figure."""

    RATIO = "×"  # noqa: RUF001 - the sign for "times", as the document prints it
    MILLISECONDS = "ms"
    RATE = "events/s"
    RECEIPTS = "receipts/s"
    PERCENT = "%"
    REQUESTS = "requests"
    MEGABYTES = "MB"


@dataclass(frozen=True, slots=True)
class Aim:
    """The target of a figure: `≥`, `≤` or `<` a limit."""

    sign: str
    limit: float

    def __post_init__(self) -> None:
        if self.sign not in _SIGNS:
            raise ValueError(f"an aim's sign is {self.sign!r}; it is one of {' '.join(_SIGNS)}")

    def holds(self, value: float) -> bool:
        """Whether the unrounded value meets the target."""
        return bool(_SIGNS[self.sign](value, self.limit))


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value.

    Attributes:
        what: In words that stand alone.
        value: As measured.
        unit: What it counts.
        aim: None where the figure is shown for comparison only.
    """

    what: str
    value: float
    unit: Unit
    aim: Aim | None = None

    @property
    def text(self) -> str:
        """The value with its unit, rounded by the unit."""
        return f"{_rounded(self.value, self.unit)} {self.unit}"

    @property
    def aimed_at(self) -> str:
        """The aim with its unit; empty without one."""
        return f"{self.aim.sign} {self.aim.limit:g} {self.unit}" if self.aim else ""

    @property
    def missed(self) -> bool:
        """Whether there is an aim that is missed."""
        return self.aim is not None and not self.aim.holds(self.value)

    @property
    def verdict(self) -> str:
        """Whether the aim is met, in words; empty without one."""
        if self.aim is None:
            return ""
        return "not held" if self.missed else "held"


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """A subject that could not be measured, with the reason."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rounds:
    """The seconds of each side, by round."""

    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def speed(self) -> float:
        """How many times as fast our side is: 2 is twice as fast, 0.5 half as fast."""
        return median(theirs / ours for ours, theirs in zip(self.ours, self.theirs, strict=True))

    @property
    def cost(self) -> float:
        """The seconds of our side as a multiple of theirs."""
        return median(ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True))

    @property
    def surplus(self) -> float:
        """The additional seconds of our side."""
        return median(ours - theirs for ours, theirs in zip(self.ours, self.theirs, strict=True))


def in_turn(
    prepare: Callable[[int], tuple[Callable[[], object], Callable[[], object]]],
    *,
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> Rounds:
    """Time both sides in every round; the side that goes first alternates.

    Args:
        prepare: Gives a round's two blocks, ours and theirs, by the round's number. It is not timed. A first round,
            0, warms both sides up and is not counted.
        rounds: How many count.
        clock: Tells seconds.
    """
    times: tuple[list[float], list[float]] = ([], [])
    # Exclude earlier objects from garbage collection, so that collections within blocks do not traverse them.
    gc.collect()
    gc.freeze()
    try:
        for number in range(rounds + 1):
            blocks = prepare(number)
            for side in (0, 1) if number % 2 else (1, 0):
                began = clock()
                blocks[side]()
                took = clock() - began
                if number:
                    times[side].append(took)
    finally:
        gc.unfreeze()
    return Rounds(tuple(times[0]), tuple(times[1]))


def _rounded(value: float, unit: Unit) -> str:
    return f"{value:,.0f}" if unit in {Unit.RATE, Unit.RECEIPTS} else f"{value:.2f}"
