"""The cost of one poisoned workflow for the others: from publishing an event until a member has it.

Two groups take turns, event by event, in a partition of their own each: of one, a workflow is poisoned. Its events fail
whenever they come, are tried until they are parked, and now and then an operator puts them back, to fail again.
"""

from __future__ import annotations

import gc
import json
import time
from contextlib import ExitStack
from itertools import chain
from statistics import quantiles
from typing import TYPE_CHECKING, Any

from eventstore.adapters.clock import SystemClock
from eventstore.adapters.redis.connection import connect
from eventstore.adapters.redis.durables import RedisDurables
from eventstore.adapters.redis.registry import RedisRegistry
from eventstore.filters import parse_filters
from eventstore.frames.frame import postings
from eventstore.groups import Ack, AckStream, Join, Nack, Redrive
from eventstore.live.dispatch import Dispatcher
from eventstore.ports import Start
from eventstore.positions import Cursor
from eventstore.subscriptions import Durable
from eventstore_hosting.valkey import ValkeyServer
from tests.benchmarks.examples import Events
from tests.benchmarks.measure import Aim, Figure, Unit
from tests.benchmarks.placement import apart_from
from tests.benchmarks.ports import log_and_turns
from tests.fakes.letters import FakeLetters
from tests.fakes.queues import FakeDispatchQueue, FakePushes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.cloudevents.event import Event
    from eventstore.frames.frame import Delivery
    from eventstore.groups import Command

__all__ = ["figures"]

_WORKFLOWS = 1_000
_ROUNDS = 15
_REDRIVEN_EVERY = 3
_FOR_EVER = 1 << 62
_POISONED = _WORKFLOWS // 2
"""Which of the workflows."""


def figures() -> Iterator[Figure]:
    """Every workflow gets an event in every round; the p99 is over all of the others'."""
    events = Events()
    with ExitStack() as stack:
        server = stack.enter_context(apart_from(ValkeyServer.start))
        streams = [events.stream() for _ in range(_WORKFLOWS)]
        groups = []
        for database, poisoned in enumerate((streams[_POISONED], None)):
            client = connect(f"{server.url}/{database}")
            stack.callback(client.close)
            groups.append(_Group(client, poisoned))
        with_one, without = groups
        # A first round warms both up, and does not count.
        _round(0, with_one, without, streams, events)
        rounds = [_round(number, with_one, without, streams, events) for number in range(1, _ROUNDS + 1)]
    if not with_one.parked:
        raise AssertionError("the poisoned workflow was never parked")
    what = f"1 poisoned workflow among {_WORKFLOWS:,}"
    poisoned, clean = (quantiles(chain.from_iterable(took), n=100)[-1] for took in zip(*rounds, strict=True))
    yield Figure(f"{what}: the p99 of the others, against none poisoned", poisoned / clean, Unit.RATIO, Aim("≤", 1.05))
    yield Figure(f"{what}: the p99 of the others", poisoned * 1000, Unit.MILLISECONDS)
    yield Figure("None poisoned: the p99", clean * 1000, Unit.MILLISECONDS)


def _round(
    number: int, with_one: _Group, without: _Group, streams: Sequence[str], events: Events
) -> tuple[list[float], list[float]]:
    """The seconds of each group."""
    if number % _REDRIVEN_EVERY == 1:
        with_one.redrive()
    took: dict[_Group, list[float]] = {with_one: [], without: []}
    sides = (with_one, without)
    gc.collect()
    gc.freeze()
    try:
        for index, stream in enumerate(streams):
            [event] = events.take(1)
            for group in sides if (number + index) % 2 else reversed(sides):
                seconds = group.exchange(stream, event)
                if index != _POISONED:
                    took[group].append(seconds)
    finally:
        gc.unfreeze()
    return took[with_one], took[without]


class _Group:
    """A durable subscription with one member, in the only partition of a store.

    Attributes:
        parked: How many letters were written.
    """

    def __init__(self, client: Client, poisoned: str | None) -> None:
        self._poisoned = poisoned
        self._log, turns = log_and_turns(client)
        self._durables = RedisDurables(client, partitions=1)
        self._durable = Durable("0" * 24, "workers", parse_filters([]))
        self._member = _Member()
        self._letters = FakeLetters()
        self._dispatcher = Dispatcher(
            self._log,
            turns,
            self._member,
            durables=self._durables,
            registry=RedisRegistry(client, partitions=1),
            dispatch_queue=FakeDispatchQueue(),
            letters=self._letters,
            pushes=FakePushes,
            clock=SystemClock(),
        )
        self._durables.create(self._durable, {0: Start.OLDEST})
        self._tell(Join("member", "w"))

    @property
    def parked(self) -> int:
        return len(self._letters.kept)

    def redrive(self) -> None:
        """Redrive the poisoned workflow, if it is parked."""
        if self._poisoned is not None:
            self._tell(Redrive(self._poisoned, "start"))

    def exchange(self, stream: str, event: Event) -> float:
        """Publish an event; return the seconds until the member has it, unless the member never receives it."""
        self._member.waits_for = event.id
        began = time.perf_counter()
        self._log.append(stream, [event])
        self._dispatcher.serve(0, until=_FOR_EVER)
        self._tell(*(command for message in self._member.take() for command in self._handled(message)))
        return self._member.got_at - began

    def _handled(self, message: dict[str, Any]) -> Iterator[Command]:
        """Answer a frame as the member."""
        if message["type"] != "events":
            return
        for event in message["events"]:
            stream, sequence = event["hubstream"], int(event["hubsequence"])
            if stream == self._poisoned:
                yield Nack("member", stream, sequence, "poisoned", 0, park=False)
                break
            if "stream" in message:
                yield AckStream("member", stream, sequence)
        if "cursor" in message:
            [(_, position)] = Cursor.merged([message["cursor"]]).places.values()
            yield Ack("member", position)

    def _tell(self, *commands: Command) -> None:
        self._durables.enqueue(self._durable, {0: commands})


class _Member:
    """`Deliveries` that the member, in this process, gets as they are sent."""

    def __init__(self) -> None:
        self.waits_for = ""
        self.got_at = 0.0
        self._messages: list[dict[str, Any]] = []

    def send(self, deliveries: Sequence[Delivery]) -> None:
        for message in (json.loads(posting.message) for sent in deliveries for posting in postings(sent.encoded())):
            self._messages.append(message)
            if any(event["id"] == self.waits_for for event in message.get("events", ())):
                self.got_at = time.perf_counter()

    def take(self) -> list[dict[str, Any]]:
        """The messages since the last call."""
        messages, self._messages = self._messages, []
        return messages
