"""The faults of the members or the target of a durable subscription, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.transcripts.content import key

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from tests.transcripts.content import Key
    from tests.transcripts.plan import Plan
    from tests.transcripts.transcript import Json

__all__ = ["Troubles", "drawn", "moments"]


@dataclass(frozen=True, slots=True)
class Troubles:
    """The faults of what handles events.

    Attributes:
        poison: Events that cannot be handled until they are healed.
        failing: The share of tries that fail for no reason of the event's.
        slow: Events that take long, in the order in which they were drawn.
    """

    poison: frozenset[Key]
    failing: float
    slow: tuple[Key, ...]

    def fails(self, random: Random, event: Json, *, healed: bool) -> bool:
        """Whether a try of an event fails."""
        is_drawn = random.random() < self.failing
        return not healed and (is_drawn or key(event) in self.poison)


def drawn(random: Random, plan: Plan, *, poisoned: float, failing: float, slow: int) -> Troubles:
    """The troubles of a plan.

    Args:
        poisoned: The share of events that cannot be handled.
        failing: The share of tries that fail all the same.
        slow: How many events take long.
    """
    keys = [key(event) for batch in plan.batches for event in batch.events]
    poison = frozenset(random.sample(keys, max(1, round(len(keys) * poisoned))))
    return Troubles(poison, failing, tuple(random.sample(keys, min(slow, len(keys)))))


def moments(random: Random, plan: Plan, count: int) -> Sequence[int]:
    """Moments of a plan, in numbers of events."""
    return sorted(random.randrange(plan.events) for _ in range(count))
