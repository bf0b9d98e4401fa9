"""The log on a journal on NATS, against the journal's own append of as many bytes."""

from __future__ import annotations

import multiprocessing
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import count
from statistics import median
from typing import TYPE_CHECKING, Any

from redis import Redis

from eventstore.adapters.journaled.log import JournaledLog
from eventstore.adapters.journaled.store import JournaledStore
from eventstore.adapters.nats.address import NatsUrl
from eventstore.adapters.nats.journal import NatsJournal
from eventstore.adapters.redis.connection import connect
from eventstore.adapters.redis.direct import Direct
from eventstore.positions import BEGINNING
from eventstore.streams import StreamName, partition_of
from eventstore_hosting.valkey import ValkeyServer
from tests.benchmarks.examples import Events
from tests.benchmarks.measure import Aim, Figure, Unit, in_turn
from tests.benchmarks.placement import apart_from, starting_servers
from tests.nats_server import NatsServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.synchronize import Event as Signal

    from eventstore.cloudevents.event import Event

__all__ = ["figures"]

_BLOCK = 100
_BATCH = 100
_BATCHES = 4
_ROUNDS = 30
_PARTITIONS = 16
_BARE = 1
"""A partition whose journal has bare records only."""
_WRITERS, _SECONDS, _MOST_WRITTEN = 6, 4.0, 20_000
_PAGE = 1000


def figures() -> Iterator[Figure]:
    """One event at a time, batches of a hundred, reading, making the index anew, and writers that contend."""
    with (
        NatsServer.started(placement=starting_servers) as nats,
        apart_from(ValkeyServer.start) as valkey,
        closing(_Side(valkey.url, nats.url)) as side,
    ):
        singles = in_turn(lambda _: side.singles(), rounds=_ROUNDS)
        yield Figure("Append of one event on NATS, against a bare append", singles.speed, Unit.RATIO, Aim("≥", 0.4))
        yield Figure("Append of one event on NATS, one after the other", _BLOCK / median(singles.ours), Unit.RATE)
        batches = in_turn(lambda _: side.batches(), rounds=_ROUNDS)
        what = f"Append of a batch of {_BATCH} on NATS, against a bare append of as many bytes"
        yield Figure(what, batches.speed, Unit.RATIO, Aim("≥", 0.35))
        yield Figure(f"Append of batches of {_BATCH} on NATS", _BATCH * _BATCHES / median(batches.ours), Unit.RATE)
        yield Figure("Read of a partition's log on NATS", side.tailed(), Unit.RATE, Aim("≥", 100_000))
        yield Figure("Making an index anew from NATS", side.made_anew(), Unit.RATE)
        for spread in (False, True):
            where = "one partition each" if spread else "one partition"
            rate = _contended(valkey.url, nats.url, spread=spread)
            yield Figure(f"{_WRITERS} processes that append one event at a time to {where} on NATS", rate, Unit.RATE)


class _Side:
    """Blocks of appends through the log, and of bare appends to the journal."""

    def __init__(self, redis_url: str, nats_url: str) -> None:
        self._redis_url = redis_url
        self._resources = ExitStack()
        self.journal = self._resources.enter_context(closing(NatsJournal(NatsUrl.parse(nats_url), name="bench")))
        self._client: Any = self._resources.enter_context(closing(connect(redis_url)))
        self._log = self._opened()
        self._events = Events()
        self._appended = 0

    def close(self) -> None:
        self._resources.close()

    def singles(self) -> tuple[Callable[[], None], Callable[[], None]]:
        stream = self._stream()
        return self._blocks([(stream, [event]) for event in _prepared(self._events.take(_BLOCK))])

    def batches(self) -> tuple[Callable[[], None], Callable[[], None]]:
        return self._blocks([(self._stream(), _prepared(self._events.take(_BATCH))) for _ in range(_BATCHES)])

    def tailed(self) -> float:
        """The events that are read in a second, by a process that has nothing of them in memory."""
        log, position, events = self._opened(), BEGINNING, 0
        began = time.perf_counter()
        while not (tail := log.tail({0: position}, count=_PAGE)[0]).at_end:
            position, events = tail.position, events + len(tail.events)
        return (events + len(tail.events)) / (time.perf_counter() - began)

    def made_anew(self) -> float:
        """The events whose index is made in a second."""
        with Redis.from_url(self._redis_url) as redis:
            redis.flushall()
        began = time.perf_counter()
        self._opened().ends([0])
        return self._appended / (time.perf_counter() - began)

    def _blocks(self, appends: list[tuple[StreamName, list[Event]]]) -> tuple[Callable[[], None], Callable[[], None]]:
        self._appended += sum(len(events) for _, events in appends)
        records = [b"".join(e.key + e.digest + b"\0" * 4 + e.body for e in events) for _, events in appends]

        def through_the_log() -> None:
            for stream, events in appends:
                self._log.append(stream, events)

        def bare() -> None:
            for record in records:
                self.journal.append(_BARE, record)

        return through_the_log, bare

    def _stream(self) -> StreamName:
        """Return a new stream of the first partition."""
        while partition_of(name := StreamName(self._events.stream()), _PARTITIONS):
            pass
        return name

    def _opened(self) -> JournaledLog:
        direct = Direct.of(self._client)
        return JournaledLog(JournaledStore(self._client, self.journal, partitions=_PARTITIONS, direct=direct))


def _prepared(events: list[Event]) -> list[Event]:
    """Return events whose bytes and digests are computed, as after their validation."""
    for event in events:
        _ = event.body, event.key, event.digest
    return events


def _contended(redis_url: str, nats_url: str, *, spread: bool) -> float:
    """The events that several processes together append in a second."""
    context = multiprocessing.get_context("spawn")
    go = context.Event()
    with ExitStack() as stack:
        answers = []
        for number in range(_WRITERS):
            answer, sender = context.Pipe(duplex=False)
            writer = _Writer(redis_url, nats_url, number, number if spread else 0)
            process = context.Process(target=writer.write, args=(go, sender))
            process.start()
            stack.callback(process.join)
            answers.append(answer)
        for answer in answers:
            answer.recv()
        go.set()
        return sum(int(answer.recv()) for answer in answers) / _SECONDS


@dataclass(frozen=True, slots=True)
class _Writer:
    """A process that appends to one stream of a partition."""

    redis_url: str
    nats_url: str
    number: int
    partition: int

    def write(self, go: Signal, sender: Connection) -> None:
        """Append events for some seconds, and tell how many; the first word says that it is ready."""
        names = (StreamName(f"contended-{self.number}-{n}") for n in count())
        stream = next(name for name in names if partition_of(name, _PARTITIONS) == self.partition)
        with (
            closing(NatsJournal(NatsUrl.parse(self.nats_url), name="bench")) as journal,
            closing(connect(self.redis_url)) as client,  # type: ignore[type-var] # a client of redis-py is closed so
        ):
            store = JournaledStore(client, journal, partitions=_PARTITIONS, direct=Direct.of(client))
            log = JournaledLog(store)
            events = _prepared(Events(seed=self.number + 3).take(_MOST_WRITTEN))
            log.append(stream, events[:1])
            sender.send(0)
            go.wait()
            until, done = time.perf_counter() + _SECONDS, 1
            while time.perf_counter() < until:
                log.append(stream, [events[done]])
                done += 1
            sender.send(done)
