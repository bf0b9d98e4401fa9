"""The plan of a run, drawn from one seed. Moments are counted in events that were answered."""

from __future__ import annotations

import binascii
from dataclasses import dataclass, replace
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any

from tests.chaos.server.operators import OPERATIONS
from tests.e2e.struck_servers import INSTANCES
from tests.transcripts.orders import Order
from tests.transcripts.plan import planned
from tests.transcripts.transcript import BARE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.transcripts.plan import Batch, Guest, Plan

__all__ = ["PARTITIONS", "ChaosPlan", "chaos_plan", "partition_of", "strict_filter"]

PARTITIONS = 16
_RATE = 40
"""Events that are published a second, unless the hub is slower."""
_BRIEF_STREAMS = 6
_BRIEF_EVENTS = 0.12
"""The share of events in streams of which events are removed."""
_LONGEST_PAUSE = 2.0
_LOOSE_MEMBERS = 3
_LOSSES = 4
"""The kinds of losses of a store with a journal."""


@dataclass(frozen=True, slots=True)
class ChaosPlan:
    """What happens in a run.

    Attributes:
        plan: The streams that keep their events, batches, subscribers and faults.
        ends: Streams with a marker each, one for each partition.
        brief: The streams of which events are removed.
        doors: By which door each subscriber comes: `socket`, `bare`, `grpc` or `protobuf`.
        operations: The operations, and when they are begun.
        comings: When members of the loose subscription go away, by their numbers.
    """

    plan: Plan
    ends: tuple[str, ...]
    brief: tuple[str, ...]
    doors: tuple[str, ...]
    operations: tuple[tuple[int, str], ...]
    comings: tuple[tuple[int, int, Order], ...]
    rate: float = _RATE


def partition_of(stream: str) -> int:
    """The partition of a stream (DESIGN.md, section 3)."""
    return binascii.crc_hqx(stream.encode(), 0) % PARTITIONS


def strict_filter(seed: int) -> list[dict[str, Any]]:
    """The filters of subscriptions that are checked event by event: streams that keep their events."""
    return [{"prefix": {"hubstream": f"soak-{seed}:"}}]


def chaos_plan(seed: int, seconds: float, *, has_journal: bool = False) -> ChaosPlan:
    """The plan of a seed.

    Args:
        seconds: How long publishing takes, if nothing delays it.
        has_journal: Whether the store can be lost, which happens more often than that it is killed.
    """
    events = int(seconds * _RATE)
    plan = planned(
        seed,
        events=events,
        subscribers=12,
        streams=24,
        processes=INSTANCES,
        kills=max(3, round(seconds / 9)),
        pauses=max(2, round(seconds / 12)),
        restarts=max(_LOSSES, round(seconds / 10)) if has_journal else max(1, round(seconds / 40)),
        sweeps=max(2, round(seconds / 12)),
        longest_pause=_LONGEST_PAUSE,
    )
    random = Random(f"{seed} chaos")
    brief = tuple(f"brief-{seed}:{number}" for number in range(_BRIEF_STREAMS))
    batches = tuple(_elsewhere(batch, random, brief) for batch in plan.batches)
    doors = tuple(random.choice(("socket", "socket", "bare", "grpc", "grpc", "protobuf")) for _ in plan.guests)
    guests = tuple(_shown(guest, door) for guest, door in zip(plan.guests, doors, strict=True))
    strikes = tuple(sorted(plan.strikes, key=lambda strike: strike.at))
    names, weights = list(OPERATIONS), list(OPERATIONS.values())
    number = round(seconds * 4)
    operations = [(random.randrange(events), name) for name in random.choices(names, weights, k=number)]
    # Each is drawn once at least in a run of some length, whatever its frequency.
    operations += [(random.randrange(events), name) for name in names if number > 2 * len(names)]
    kinds: Sequence[Callable[[float], Order]] = (Order.abort, Order.close, Order.unsubscribe)
    comings = [
        (random.randrange(events), random.randint(1, _LOOSE_MEMBERS), random.choice(kinds)(random.random()))
        for _ in range(round(seconds / 8))
    ]
    return ChaosPlan(
        plan=replace(plan, batches=batches, guests=guests, strikes=strikes),
        ends=tuple(_ends(seed)),
        brief=brief,
        doors=doors,
        operations=tuple(sorted(operations)),
        comings=tuple(comings),
    )


def _elsewhere(batch: Batch, random: Random, brief: Sequence[str]) -> Batch:
    return replace(batch, stream=random.choice(brief)) if random.random() < _BRIEF_EVENTS else batch


def _shown(guest: Guest, door: str) -> Guest:
    return replace(guest, request={**guest.request, "subprotocol": BARE}) if door == "bare" else guest


def _ends(seed: int) -> list[str]:
    """A stream for each partition, so that whoever has the last event of each has reached the end of all."""
    found: dict[int, str] = {}
    numbers = count()
    while len(found) < PARTITIONS:
        name = f"soak-{seed}:end-{next(numbers)}"
        found.setdefault(partition_of(name), name)
    return sorted(found.values())
