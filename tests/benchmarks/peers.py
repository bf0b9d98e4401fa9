"""The same events into other stores, one after the other: NATS JetStream, and the `eventsourcing` library on SQLite.

Each against our append on a Valkey that keeps as much: memory against memory, a file against a file.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteDatastore
from nats.js.api import StorageType

from eventstore.adapters.redis.connection import connect
from eventstore.adapters.redis.log import RedisLog
from eventstore_hosting.valkey import ValkeyServer
from tests.benchmarks.examples import Events
from tests.benchmarks.jetstream import JetStream
from tests.benchmarks.measure import Figure, Unit, in_turn
from tests.benchmarks.placement import apart_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from eventstore.cloudevents.event import Event

    PositionedEvent = Sequence[tuple[str, Event]]

__all__ = ["figures"]

_BLOCK = 100
_ROUNDS = 30
_ORDERS = UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")


def figures() -> Iterator[Figure]:
    """For each peer its own rate, and how many times as fast ours is."""
    for storage in (StorageType.MEMORY, StorageType.FILE):
        with JetStream.start(storage) as jetstream:
            name = f"NATS JetStream's acknowledged publish ({storage.value})"
            yield from _compared(name, jetstream.publish, persistent=storage is StorageType.FILE)
    with tempfile.TemporaryDirectory() as folder, closing(_Recorder(Path(folder) / "events.db")) as recorder:
        yield from _compared("eventsourcing's recorder on SQLite (file)", recorder.insert, persistent=True)


def _compared(name: str, insert: Callable[[PositionedEvent], None], *, persistent: bool) -> Iterator[Figure]:
    examples = Events()
    with ExitStack() as stack:
        server = stack.enter_context(apart_from(partial(ValkeyServer.start, persistent=persistent)))
        client: Any = connect(server.url)
        stack.callback(client.close)
        log = RedisLog(client)

        def append(placed: PositionedEvent) -> None:
            for stream, event in placed:
                log.append(stream, [event])

        def blocks(_: int) -> tuple[Callable[[], None], Callable[[], None]]:
            ours, theirs = list(examples.streams(_BLOCK)), list(examples.streams(_BLOCK))
            return lambda: append(ours), lambda: insert(theirs)

        rounds = in_turn(blocks, rounds=_ROUNDS)
    yield Figure(name, _BLOCK / median(rounds.theirs), Unit.RATE)
    kept = "append-only file" if persistent else "memory"
    yield Figure(f"Our append ({kept}), against {name}", rounds.speed, Unit.RATIO)


class _Recorder:
    """The library's recorder with a global order, as ours has: one event a transaction, encoded before."""

    def __init__(self, file: Path) -> None:
        self._datastore = SQLiteDatastore(str(file))
        self._recorder = SQLiteApplicationRecorder(self._datastore)
        self._recorder.create_table()

    def close(self) -> None:
        self._datastore.close()

    def insert(self, placed: PositionedEvent) -> None:
        versions: dict[str, int] = {}
        for stream, event in placed:
            versions[stream] = versions.get(stream, 0) + 1
            stored = StoredEvent(uuid5(_ORDERS, stream), versions[stream], event.type, event.body)
            self._recorder.insert_events([stored])
