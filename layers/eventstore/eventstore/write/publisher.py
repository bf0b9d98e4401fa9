"""The use case of publishing: events are appended to their streams, and their partitions are woken up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore.access import Scope
from eventstore.errors import InvalidQuery
from eventstore.streams import ANY, Expected, StreamName, stream_of
from eventstore.write.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.access import Access
    from eventstore.cloudevents.event import Event, EventId
    from eventstore.ports import Appended, Log, Wakeups
    from eventstore.write.enforcement import Enforcement

__all__ = ["PartlyPublished", "Published", "Publisher"]


@dataclass(frozen=True, slots=True)
class Published:
    """The place of a published event; `duplicate` if it was stored there before."""

    stream: StreamName
    sequence: int
    id: EventId
    duplicate: bool


class PartlyPublished(Exception):
    """A publish to several streams failed for one of them.

    Attributes:
        results: The place of each event, in the order given; None for events that were not stored.
    """

    def __init__(self, results: Sequence[Published | None]) -> None:
        super().__init__("the events of some streams were stored; the append to one stream failed")
        self.results = results


class Publisher:
    """Publishes events.

    Args:
        log: Stores the events.
        wakeups: Wakes up the partitions that have something to dispatch.
        limits: The maximum sizes; None is the defaults.
        enforcement: Checks data by the schemas that are enforced; None checks none.
    """

    def __init__(
        self, log: Log, wakeups: Wakeups, *, limits: Limits | None = None, enforcement: Enforcement | None = None
    ) -> None:
        self._log = log
        self._wakeups = wakeups
        self._limits = limits or Limits()
        self._enforcement = enforcement

    def publish(
        self, events: Sequence[Event], *, access: Access, stream: StreamName | None = None, expected: Expected = ANY
    ) -> list[Published]:
        """Store events, all or none of each stream.

        Args:
            events: The events, in order; without events, nothing is done.
            access: The access of the caller: it needs the scope `publish`, and must include every stream and tenant.
            stream: The stream of all events; None if each belongs to the stream that it names (`streams.stream_of`).
            expected: Where the caller believes the stream ends. All events must belong to one stream.

        Returns:
            The place of each event, in the order given.

        Raises:
            Forbidden: The access does not allow it. Nothing was stored.
            InvalidStream: An event does not result in the name of a stream. Nothing was stored.
            InvalidQuery: `expected` is given, and the events belong to several streams. Nothing was stored.
            InvalidEvent: The data of an event violate a schema that is enforced. Nothing was stored.
            TooLarge: An event, its attributes, or all events together exceed the limits. Nothing was stored.
            PartlyPublished: The events of some streams were stored, and those of one were not; its cause says why.
            WrongExpectedVersion, EventConflict, StreamGone: See `Log.append`. Nothing was stored.
        """
        access.require(Scope.PUBLISH)
        access.require_events(events, stream=stream)
        self._limits.check(events)
        if self._enforcement is not None:
            self._enforcement.check(events)
        groups: dict[StreamName, list[int]] = {}
        for index, event in enumerate(events):
            groups.setdefault(stream or stream_of(event), []).append(index)
        if expected is not ANY and len(groups) > 1:
            raise InvalidQuery(
                "If-Match and If-None-Match require all events to belong to one stream; name it with ?stream="
            )
        results: list[Published | None] = [None] * len(events)
        needs_wakeup: set[int] = set()
        try:
            for name, indexes in groups.items():
                try:
                    appended = self._log.append(name, [events[i] for i in indexes], expected=expected)
                except Exception as error:
                    if any(results):
                        raise PartlyPublished(results) from error
                    raise
                _fill_in(results, indexes, events, appended)
                if appended.needs_wakeup:
                    needs_wakeup.add(appended.partition)
        finally:
            self._wakeups.notify(needs_wakeup)
        return [result for result in results if result]


def _fill_in(
    results: list[Published | None], indexes: Sequence[int], events: Sequence[Event], appended: Appended
) -> None:
    for number, index in enumerate(indexes):
        is_duplicate = number in appended.duplicates
        results[index] = Published(appended.stream, appended.sequences[number], events[index].id, is_duplicate)
