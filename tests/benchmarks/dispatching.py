"""Turns of a partition with few and with very many subscriptions."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from eventstore.adapters.redis.connection import connect
from eventstore.filters import parse_filters
from eventstore.subscriptions import Subscription
from eventstore_hosting.valkey import ValkeyServer
from tests.benchmarks.examples import Events
from tests.benchmarks.measure import Aim, Figure, Unit, in_turn
from tests.benchmarks.partition import Partition
from tests.benchmarks.placement import apart_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["figures"]

_FEW = 1
_MANY = (1_000, 100_000)
_MATCHING = 10
_BLOCK = 200
_ROUNDS = 40


def figures() -> Iterator[Figure]:
    """How fast turns go, and how much slower they are for the subscriptions that want something else."""
    events = Events()
    with ExitStack() as stack:
        server = stack.enter_context(apart_from(ValkeyServer.start))
        partitions = []
        for database, number in enumerate((_FEW, *_MANY)):
            client = connect(f"{server.url}/{database}")
            stack.callback(client.close)
            partitions.append(Partition(client, _subscriptions(number)))
        few, *many = partitions
        rounds = None
        for number, partition in zip(_MANY, many, strict=True):
            rounds = in_turn(partial(_blocks, events, partition, few), rounds=_ROUNDS)
            what = f"{number:,} subscriptions of which {_MATCHING} match"
            yield Figure(f"{what}", _BLOCK / median(rounds.ours), Unit.RATE)
            aim = Aim("≥", 0.5) if number == max(_MANY) else None
            yield Figure(f"{what}, against one that matches", rounds.speed, Unit.RATIO, aim)
        if rounds is not None:
            yield Figure("One subscription that matches", _BLOCK / median(rounds.theirs), Unit.RATE)


def _blocks(
    events: Events, first: Partition, second: Partition, _: int
) -> tuple[Callable[[], None], Callable[[], None]]:
    for partition in (first, second):
        for stream, event in events.streams(_BLOCK):
            partition.log.append(stream, [event])
    return partial(_serve, first), partial(_serve, second)


def _serve(partition: Partition) -> None:
    if not partition.serve():
        raise AssertionError("nobody was sent anything")


def _subscriptions(number: int) -> Sequence[Subscription]:
    """Those that match, by the type of all events; the others by a stream, a subject or a type that none has."""
    matching = min(number, _MATCHING)
    wanted = parse_filters([{"exact": {"type": "io.flunq.task.completed"}}])
    subscriptions = [Subscription(f"{n:024x}", f"connection-{n}", "s", wanted) for n in range(matching)]
    for n in range(matching, number):
        key, connection = f"{n:024x}", f"connection-{n}"
        match n % 3:
            case 0:
                subscriptions.append(
                    Subscription(key, connection, "s", parse_filters([]), streams=(f"acme:other-{n}",))
                )
            case 1:
                filters = parse_filters([{"exact": {"subject": f"other-{n}"}}])
                subscriptions.append(Subscription(key, connection, "s", filters))
            case _:
                filters = parse_filters([{"exact": {"type": f"com.example.other-{n}"}}])
                subscriptions.append(Subscription(key, connection, "s", filters))
    return subscriptions
