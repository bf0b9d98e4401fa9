"""What two commits are compared in: blocks of work that can be repeated, on servers that have been started already.

Commits that are older than this module keep what it needs of their benchmarks under private names, and their own may be
what it imports; so it uses those names.
"""

from __future__ import annotations

import gc
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain, count
from statistics import median
from typing import TYPE_CHECKING, Any

from eventstore.adapters.redis.connection import connect
from eventstore.adapters.redis.log import RedisLog
from eventstore.filters import parse_filters
from eventstore.subscriptions import Subscription
from eventstore_hosting.valkey import ValkeyServer
from tests.benchmarks import dispatching, isolation
from tests.benchmarks import imports as importing
from tests.benchmarks.examples import EVENT_BYTES, PER_STREAM, Events
from tests.benchmarks.hub import running_hub
from tests.benchmarks.partition import Partition
from tests.benchmarks.placement import apart_from
from tests.benchmarks.subscribers import Subscribers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from eventstore.ports import Log

__all__ = ["WORKLOADS", "Task"]

_BLOCK = 200
_BATCH = 100
_BATCHES = 4
_READ = 10_000
_FILL = 5_000


@dataclass(frozen=True, slots=True)
class Task:
    """Something that is measured again and again.

    Attributes:
        what: In words that stand alone; the same in both trees.
        run: Prepares a block of it, runs the block, and returns what it cost: the less, the better.
        unit: What readers are shown: a rate, of `amount` by the cost in seconds; milliseconds; or the cost as it is.
        amount: How many of what the unit counts are in a block.
        pairs: How many blocks are run in a round of each tree.
    """

    what: str
    run: Callable[[], float]
    unit: str = "events/s"
    amount: int = 1
    pairs: int = 20


@contextmanager
def appending() -> Iterator[Sequence[Task]]:
    """Appends of new events into new streams, through the `Log` port."""
    with _valkey() as client:
        log, events = RedisLog(client), Events()

        def append(batches: Sequence[tuple[str, list[Any]]]) -> None:
            for stream, batch in batches:
                log.append(stream, batch)

        def singles() -> float:
            return _seconds(partial(append, [(stream, [event]) for stream, event in events.streams(_BLOCK)]))

        def batches() -> float:
            return _seconds(partial(append, [(events.stream(), events.take(_BATCH)) for _ in range(_BATCHES)]))

        yield [
            Task("Append of one event, one after the other", singles, amount=_BLOCK, pairs=12),
            Task(f"Append of batches of {_BATCH}", batches, amount=_BATCHES * _BATCH, pairs=12),
        ]


@contextmanager
def reading() -> Iterator[Sequence[Task]]:
    """A stream read whole, in one call, through the `Log` port."""
    with _valkey() as client:
        log, events = RedisLog(client), Events()
        stream = events.stream()
        for _ in range(0, _READ, _BATCH):
            log.append(stream, events.take(_BATCH))

        def read() -> None:
            size = len(log.read(stream, start=1, stop=_READ, count=_READ).events)
            _complete(size, _READ)

        yield [Task(f"Reading a stream of {_READ:,}", partial(_seconds, read), amount=_READ, pairs=30)]


@contextmanager
def dispatch() -> Iterator[Sequence[Task]]:
    """A worker's turns in one partition, over events that were appended one by one."""
    block = 300
    with _valkey() as client, closing(_database(client, 1)) as other:
        events = Events()

        def turns(partition: Partition) -> float:
            for stream, event in events.streams(block):
                partition.log.append(stream, [event])
            return _seconds(lambda: _complete(partition.serve(), block * EVENT_BYTES))

        few, many = (Partition(of, dispatching._subscriptions(number)) for of, number in ((client, 1), (other, 1_000)))
        yield [
            Task("Dispatching to one subscription that matches", partial(turns, few), amount=block, pairs=10),
            Task("Dispatching to 1,000 subscriptions of which 10 match", partial(turns, many), amount=block, pairs=10),
        ]


@contextmanager
def catchup() -> Iterator[Sequence[Task]]:
    """A subscription from the start, by one worker's turns alone."""
    with _valkey() as client:
        partition = Partition(client)
        _fill(partition.log)
        partition.serve()
        numbers = count()

        def turns() -> float:
            number = next(numbers)
            subscription = Subscription(f"{number:024x}", f"connection-{number}", "s", parse_filters([]))
            partition.join(subscription)
            took = _seconds(lambda: _complete(partition.serve(), _FILL * EVENT_BYTES))
            partition.leave(subscription)
            return took

        what = f"Catching up with {_FILL:,} events: turns alone, in one partition"
        yield [Task(what, turns, amount=_FILL, pairs=8)]


@contextmanager
def catchup_stack() -> Iterator[Sequence[Task]]:
    """A subscription from the start, through the local stack, in all partitions."""
    with ValkeyServer.start() as server:
        with closing(connect(server.url)) as client:
            _fill(RedisLog(client))
        with running_hub(server.url) as url:

            def stack() -> float:
                with Subscribers.joined(url) as subscribers:
                    return subscribers.catch_up(_FILL)

            yield [Task(f"Catching up with {_FILL:,} events: through the local stack", stack, amount=_FILL, pairs=4)]


@contextmanager
def latency() -> Iterator[Sequence[Task]]:
    """From the beginning of a POST until one subscriber has the event, each when the one before has arrived."""
    with _subscribed(1) as (subscribers, stream, events):

        def exchanges() -> float:
            return median(subscribers.exchange(stream, events.take(1))[0] for _ in range(15))

        yield [Task("From publishing to receipt, 1 subscriber: median", exchanges, unit="ms", pairs=10)]


@contextmanager
def latency_many() -> Iterator[Sequence[Task]]:
    """As `latency`, with a thousand subscribers: over the receipts of all."""
    with _subscribed(1_000) as (subscribers, stream, events):

        def exchanges() -> float:
            return median(chain.from_iterable(subscribers.exchange(stream, events.take(1)) for _ in range(3)))

        yield [Task("From publishing to receipt, 1,000 subscribers: median", exchanges, unit="ms", pairs=5)]


@contextmanager
def deliveries() -> Iterator[Sequence[Task]]:
    """A batch published at once, until each of a hundred subscribers has all of it."""
    with _subscribed(100) as (subscribers, stream, events):

        def batch() -> float:
            return max(subscribers.exchange(stream, events.take(_BATCH)))

        yield [
            Task(f"A batch of {_BATCH} events to 100 subscribers", batch, "receipts/s", amount=_BATCH * 100, pairs=8)
        ]


@contextmanager
def durable() -> Iterator[Sequence[Task]]:
    """From publishing until the member of a durable subscription has the event, and has acknowledged the one before."""
    with _valkey() as client:
        group, events = isolation._Group(client, None), Events()
        streams = [events.stream() for _ in range(PER_STREAM)]

        def exchanges() -> float:
            return median(group.exchange(stream, event) for stream in streams for event in events.take(5))

        yield [Task("From publishing to a durable subscription's member", exchanges, unit="ms", pairs=15)]


@contextmanager
def memory() -> Iterator[Sequence[Task]]:
    """What the cache needs for events that were appended one by one and then looked up."""

    def fill() -> float:
        # A server of its own each time: a flushed one frees what it held when it likes. And the same events each time.
        with _valkey() as client:
            log, events = RedisLog(client), Events()
            before = client.info("memory")["used_memory"]
            for stream, event in events.streams(_FILL // 2):
                log.append(stream, [event])
            log.locate("an id that no event has, so that all are indexed")
            used = client.info("memory")["used_memory"] - before
        return float(used / (_FILL // 2 * EVENT_BYTES))

    yield [Task("Memory per event, by its bytes", fill, unit="times", pairs=1)]


@contextmanager
def imports() -> Iterator[Sequence[Task]]:
    """The REST function imported in a new process, compiled before."""
    yield [Task("Importing the REST function", partial(importing._seconds, importing._OURS), "ms", pairs=4)]


WORKLOADS: Mapping[str, Callable[[], AbstractContextManager[Sequence[Task]]]] = {
    "appending": appending,
    "reading": reading,
    "dispatch": dispatch,
    "catchup": catchup,
    "catchup-stack": catchup_stack,
    "latency": latency,
    "latency-many": latency_many,
    "deliveries": deliveries,
    "durable": durable,
    "memory": memory,
    "imports": imports,
}


@contextmanager
def _valkey() -> Iterator[Any]:
    """A client of a server of its own, each on its processor."""
    with apart_from(ValkeyServer.start) as server, closing(connect(server.url)) as client:
        yield client


def _database(client: Any, number: int) -> Any:  # noqa: ANN401 - redis-py's clients differ in type by their options
    """A client of another database of the same server."""
    options = client.get_connection_kwargs()
    return connect(f"redis://{options['host']}:{options['port']}/{number}")


@contextmanager
def _subscribed(number: int) -> Iterator[tuple[Subscribers, str, Events]]:
    """So many subscribers of one stream, through the local stack."""
    events = Events()
    stream = events.stream()
    with (
        ValkeyServer.start() as server,
        running_hub(server.url) as url,
        Subscribers.joined(url, number, {"stream": stream}) as subscribers,
    ):
        yield subscribers, stream, events


def _fill(log: Log) -> None:
    events = Events()
    for _ in range(0, _FILL, _BATCH):
        log.append(events.stream(), events.take(_BATCH))


def _seconds(work: Callable[[], object]) -> float:
    # A collection that the preparation has made due does not fall into the block.
    gc.collect()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _complete(size: int, wanted: int) -> None:
    if size < wanted:
        raise AssertionError(f"{size} of {wanted} came")
