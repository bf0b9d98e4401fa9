"""Appending through the `Log` port, against bare `XADD` of the same bytes by the same client."""

from __future__ import annotations

from contextlib import closing
from statistics import median
from typing import TYPE_CHECKING, Any

from eventstore.adapters.redis.connection import connect
from eventstore.adapters.redis.log import RedisLog
from eventstore_hosting.valkey import ValkeyServer
from tests.benchmarks.examples import Events
from tests.benchmarks.measure import Aim, Figure, Unit, in_turn
from tests.benchmarks.placement import apart_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["figures"]

_BLOCK = 200
_BATCH = 100
_BATCHES = 4
_ROUNDS = 80


def figures() -> Iterator[Figure]:
    """One event at a time, then batches of a hundred."""
    with apart_from(ValkeyServer.start) as server, closing(_Sides(server.url)) as sides:
        singles = in_turn(lambda _: sides.singles(), rounds=_ROUNDS)
        yield Figure("Append of one event, against bare XADD", singles.speed, Unit.RATIO, Aim("≥", 0.7))
        yield Figure("Append of one event, one after the other", _BLOCK / median(singles.ours), Unit.RATE)
        batches = in_turn(lambda _: sides.batches(whole=False), rounds=_ROUNDS)
        yield Figure(f"Append of a batch of {_BATCH}, against pipelined XADD", batches.speed, Unit.RATIO, Aim("≥", 1.0))
        whole = in_turn(lambda _: sides.batches(whole=True), rounds=_ROUNDS)
        yield Figure(f"Append of a batch of {_BATCH}, against XADDs in one MULTI/EXEC", whole.speed, Unit.RATIO)
        yield Figure(f"Append of batches of {_BATCH}", _BATCH * _BATCHES / median(batches.ours), Unit.RATE)


class _Sides:
    """Blocks of appends and of XADDs, each of new events into new streams."""

    def __init__(self, url: str) -> None:
        self._client: Any = connect(url)
        self._log = RedisLog(self._client)
        self._events = Events()

    def close(self) -> None:
        self._client.close()

    def singles(self) -> tuple[Callable[[], None], Callable[[], None]]:
        ours = [(stream, [event]) for stream, event in self._events.streams(_BLOCK)]
        theirs = [(stream, {"e": event.body}) for stream, event in self._events.streams(_BLOCK)]
        append, xadd = self._log.append, self._client.xadd

        def appends() -> None:
            for stream, events in ours:
                append(stream, events)

        def xadds() -> None:
            for stream, fields in theirs:
                xadd(stream, fields)

        return appends, xadds

    def batches(self, *, whole: bool) -> tuple[Callable[[], None], Callable[[], None]]:
        """Batches against pipelines of XADD; `whole` ones are all or none, as an append is."""
        ours = [(self._events.stream(), self._events.take(_BATCH)) for _ in range(_BATCHES)]
        theirs = [
            (self._events.stream(), [{"e": event.body} for event in self._events.take(_BATCH)]) for _ in range(_BATCHES)
        ]

        def appends() -> None:
            for stream, events in ours:
                self._log.append(stream, events)

        def xadds() -> None:
            for stream, batch in theirs:
                pipeline = self._client.pipeline(transaction=whole)
                for fields in batch:
                    pipeline.xadd(stream, fields)
                pipeline.execute()

        return appends, xadds
