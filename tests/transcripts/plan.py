"""The plan of a soak, generated from one seed: connections, publishes and faults.

Moments are counted in events answered, so that a slow machine sees the same scenario as a fast one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from random import Random
from typing import TYPE_CHECKING, Any

from tests.transcripts.matching import wanted
from tests.transcripts.orders import Order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.transcripts.transcript import Json

__all__ = ["MARKER", "Batch", "Guest", "Plan", "Strike", "What", "marker", "planned"]

MARKER = "io.flunq.soak.marker"
"""The type of the last event of every stream, which every subscription matches."""

_TYPES = (
    "io.flunq.workflow.started",
    "io.flunq.workflow.completed",
    "io.flunq.task.requested",
    "io.flunq.task.completed",
    "io.flunq.timer.fired",
    "workflow.step.started",
)
_SOURCES = ("/engine", "/worker/1", "/worker/2", "/timers")
_SUBJECTS = ("order.json", "order.xml", "invoice.json")
_LARGE = 100 * 1024
"""Characters of data that exceed a frame."""


class What(Enum):
    """The kinds of faults."""

    KILL = auto()
    PAUSE = auto()
    CACHE = auto()
    SWEEP = auto()


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault of the hub after a number of events.

    Attributes:
        process: What is killed or paused.
    """

    at: int
    what: What
    process: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Events published at once."""

    stream: str
    events: tuple[Json, ...]
    socket: bool


@dataclass(frozen=True, slots=True)
class Guest:
    """A subscriber.

    Attributes:
        orders: Its orders, and after how many events they are given.
    """

    name: str
    request: Json
    joins: int
    orders: tuple[tuple[int, Order], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole plan."""

    streams: tuple[str, ...]
    batches: tuple[Batch, ...]
    guests: tuple[Guest, ...]
    strikes: tuple[Strike, ...]

    @property
    def events(self) -> int:
        """How many events are published."""
        return sum(len(batch.events) for batch in self.batches)


def planned(
    seed: int,
    *,
    events: int,
    subscribers: int,
    streams: int,
    processes: Sequence[str],
    kills: int,
    restarts: int,
    sweeps: int,
    longest_pause: float,
    pauses: int = 0,
) -> Plan:
    """The scenario of a seed.

    Args:
        processes: What is killed and paused: functions, or instances.
    """
    random = Random(seed)
    names = tuple(f"soak-{seed}:wf-{number}" for number in range(streams))
    strikes = [Strike(random.randrange(events), What.KILL, random.choice(processes)) for _ in range(kills)]
    strikes += [Strike(random.randrange(events), What.CACHE) for _ in range(restarts)]
    strikes += [Strike(random.randrange(events), What.SWEEP) for _ in range(sweeps)]
    strikes += [Strike(random.randrange(events), What.PAUSE, random.choice(processes)) for _ in range(pauses)]
    return Plan(
        streams=names,
        batches=tuple(_batches(random, seed, names, events)),
        guests=tuple(_guest(random, number, names, events, longest_pause) for number in range(1, subscribers + 1)),
        strikes=tuple(strikes),
    )


def marker(stream: str) -> dict[str, Any]:
    """The event that ends a stream."""
    return {"specversion": "1.0", "id": f"marker-{stream}", "source": "/soak", "type": MARKER}


def _batches(random: Random, seed: int, streams: Sequence[str], events: int) -> Sequence[Batch]:
    batches: list[Batch] = []
    count = 0
    while count < events:
        # Half of the events go to a tenth of the streams.
        stream = random.choice(streams if random.random() < 0.5 else streams[: len(streams) // 10 + 1])
        size = min(random.choice((1, 1, 2, 5, 50)), events - count)
        size = random.randint(1, size)
        batch = [_event(random, seed, count + number) for number in range(size)]
        if size == 1 and random.random() < 0.01:
            batch = [{**batch[0], "data": "x" * _LARGE}]
            batches.append(Batch(stream, tuple(batch), socket=False))
        else:
            batches.append(Batch(stream, tuple(batch), socket=random.random() < 0.3))
        count += size
    return batches


def _event(random: Random, seed: int, number: int) -> dict[str, Any]:
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": f"{seed}-{number}",
        "source": random.choice(_SOURCES),
        "type": random.choice(_TYPES),
        "data": {"number": number, "amount": random.randrange(10_000) / 4, "note": "ü" * random.randrange(40)},
    }
    if random.random() < 0.5:
        event["subject"] = random.choice(_SUBJECTS)
    if random.random() < 0.3:
        event["tenantid"] = random.choice("ab")
    return event


def _guest(random: Random, number: int, streams: Sequence[str], events: int, longest_pause: float) -> Guest:
    joins = 0 if random.random() < 0.5 else random.randrange(events)
    request: dict[str, Any] = {"from": random.choice(("start", "now"))}
    filters = [_filter(random, depth=2) for _ in range(random.choice((0, 1, 1, 2)))]
    if random.random() < 0.3:
        chosen = random.sample(list(streams), random.randint(1, min(20, len(streams))))
        request["stream"] = chosen[0] if len(chosen) == 1 else chosen
    if filters:
        request["filters"] = _and_markers(filters, streams)
    moments = sorted(random.randrange(joins, events) for _ in range(random.randrange(5)))
    orders = tuple((at, _order(random, longest_pause)) for at in moments)
    if random.random() < 0.1:
        orders = (*orders, (events - 1, Order.leave()))
    return Guest(f"subscriber-{number}", request, joins, orders)


def _order(random: Random, longest_pause: float) -> Order:
    return random.choice((Order.abort, Order.abort, Order.close, Order.lag))(random.random() * longest_pause)


def _filter(random: Random, *, depth: int) -> dict[str, Any]:
    match random.choice(("exact", "prefix", "suffix", "all", "any", "not") if depth else ("exact", "prefix", "suffix")):
        case "exact":
            return {"exact": random.choice(({"type": random.choice(_TYPES)}, {"source": random.choice(_SOURCES)}))}
        case "prefix":
            return {
                "prefix": random.choice(({"type": "io.flunq."}, {"type": "io.flunq.task."}, {"source": "/worker/"}))
            }
        case "suffix":
            return {"suffix": random.choice(({"subject": ".json"}, {"type": ".started"}, {"type": "ed"}))}
        case "not":
            return {"not": _filter(random, depth=depth - 1)}
        case dialect:
            return {dialect: [_filter(random, depth=depth - 1) for _ in range(random.randint(1, 3))]}


def _and_markers(filters: list[dict[str, Any]], streams: Sequence[str]) -> list[dict[str, Any]]:
    """The filters, extended to match markers."""
    markers = ({**marker(stream), "hubstream": stream} for stream in streams)
    if all(wanted({"filters": filters}, one) for one in markers):
        return filters
    return [{"any": [{"all": filters}, {"exact": {"type": MARKER}}]}]
