"""The log of the use cases, whose appends and reads are measured and traced."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from eventstore.adapters.journaled.log import JournaledLog
from eventstore.adapters.redis.log import RedisLog
from eventstore.errors import EventstoreError
from eventstore.streams import partition_of
from eventstore_server.call_scope import current_scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from eventstore.adapters.redis.growth import Growth as RedisGrowth
    from eventstore.cloudevents.event import Event, RecordedEvent
    from eventstore.ports import Appended, Slice, Tail
    from eventstore.ports.follower import Growth
    from eventstore.positions import Position
    from eventstore.streams import StreamName
    from eventstore_server.metrics.catalogue import ServerMetrics
    from eventstore_server.metrics.latency import PublishLatency
    from eventstore_server.tracing import Tracing

__all__ = ["ObservedJournaledLog", "ObservedLog"]

_INTERNAL = "internal"
_TRACEPARENT = "traceparent"


class ObservedLog(RedisLog):
    """See `ports.Log`.

    Args:
        *arguments: Those of `RedisLog`.
        metrics: Counts appends and reads.
        latency: Is shown each append.
        tracing: Traces appends: as a part of the call, and linked to the traces that events name in their extension
            `traceparent`; without a call that is traced, as a part of the trace of the first such event.
        storing: Returns a context for an append to a partition, with what the append fills in.
        **options: Those of `RedisLog`.
    """

    def __init__(
        self,
        *arguments: Any,  # noqa: ANN401 - see above
        metrics: ServerMetrics,
        latency: PublishLatency,
        tracing: Tracing,
        storing: Callable[[int], AbstractContextManager[Growth | None]],
        **options: Any,  # noqa: ANN401 - see above
    ) -> None:
        super().__init__(*arguments, **options)
        self._metrics = metrics
        self._latency = latency
        self._tracing = tracing
        self._storing = storing

    def append(self, stream: StreamName, events: Sequence[Event], **options: Any) -> Appended:  # noqa: ANN401 - see `Log.append`
        """See `Log.append`."""
        door, metrics = current_scope().door, self._metrics
        traceparents = [text for event in events if isinstance(text := event.attributes.get(_TRACEPARENT), str)]
        began = time.monotonic()
        with self._tracing.span(
            "append",
            kind="producer",
            parent=traceparents[0] if traceparents else "",
            links=traceparents,
            attributes={"eventstore.door": door, "eventstore.events": len(events)},
        ) as span:
            try:
                with self._storing(partition_of(stream, self.partitions)) as growth:
                    # A follower of Redis made it.
                    filled_in = cast("RedisGrowth | None", growth)
                    appended = super().append(stream, events, growth=filled_in, **options)
            except Exception as error:
                code = _code_of(error)
                metrics.appends.add(door, code)
                span.fail(code)
                raise
            finally:
                metrics.append_seconds.observe(time.monotonic() - began, door)
            span.set("eventstore.partition", appended.partition)
        stored = len(events) - len(appended.duplicates)
        metrics.appends.add(door, "stored" if stored else "duplicate")
        if stored:
            metrics.appended_events.add(door, amount=stored)
            self._latency.appended(stream, max(appended.sequences), began=began)
        return appended

    def read(self, stream: StreamName, **options: Any) -> Slice:  # noqa: ANN401 - see `Log.read`
        """See `Log.read`."""
        with self._reading("stream") as count:
            found = super().read(stream, **options)
            count(len(found.events))
        return found

    def tail(self, after: Mapping[int, Position], **options: Any) -> Mapping[int, Tail]:  # noqa: ANN401 - see `Log.tail`
        """See `Log.tail`."""
        with self._reading("partitions") as count:
            tails = super().tail(after, **options)
            count(sum(len(tail.events) for tail in tails.values()))
        return tails

    def locate(self, *arguments: Any, **options: Any) -> Sequence[RecordedEvent]:  # noqa: ANN401 - see `Log.locate`
        """See `Log.locate`."""
        with self._reading("event") as count:
            found = super().locate(*arguments, **options)
            count(len(found))
        return found

    @contextmanager
    def _reading(self, kind: str) -> Iterator[Callable[[int], None]]:
        door, metrics = current_scope().door, self._metrics
        try:
            yield lambda events: metrics.read_events.add(door, amount=events)
        except Exception as error:
            metrics.reads.add(door, kind, _code_of(error))
            raise
        metrics.reads.add(door, kind, "ok")


class ObservedJournaledLog(ObservedLog, JournaledLog):
    """The same on a journal; the arguments are those of `JournaledLog`."""


def _code_of(error: Exception) -> str:
    return error.code if isinstance(error, EventstoreError) else _INTERNAL
