"""Publishing: events are stored at the ends of their streams, and the partitions that have news are woken up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore.access import Scope
from eventstore.errors import InvalidQuery
from eventstore.streams import ANY, Expected, stream_of
from eventstore.write.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.access import Access
    from eventstore.cloudevents.event import Event
    from eventstore.ports import Appended, Log, Wakeups

__all__ = ["PartlyPublished", "Published", "Publisher"]


@dataclass(frozen=True, slots=True)
class Published:
    """Where an event stands; `duplicate` if it stood there before."""

    stream: str
    sequence: int
    id: str
    duplicate: bool


class PartlyPublished(Exception):
    """A publish to several streams failed for one of them.

    Attributes:
        results: Per event, in the order given: where it stands, or None if it was not stored.
    """

    def __init__(self, results: Sequence[Published | None]) -> None:
        super().__init__("some streams took their events, one did not")
        self.results = results


class Publisher:
    """Publishes events."""

    def __init__(self, log: Log, wakeups: Wakeups, *, limits: Limits | None = None) -> None:
        self._log = log
        self._wakeups = wakeups
        self._limits = limits or Limits()

    def publish(
        self, events: Sequence[Event], *, access: Access, stream: str | None = None, expected: Expected = ANY
    ) -> list[Published]:
        """Store events, all or none of each stream, and say where each stands.

        Args:
            events: In the order in which they are to stand. Of none, nothing is done.
            access: The caller's; it needs the scope `publish`, and reach of every stream and tenant.
            stream: Where all of them belong; without it, each says so itself (`streams.stream_of`).
            expected: Where the caller believes the stream ends; it needs all events to be of one stream.

        Raises:
            Forbidden: The access does not allow it. Nothing was stored.
            InvalidEvent: An attribute is the hub's own.
            TooLarge: One event, its attributes, or all events together, are beyond the limits. Nothing was stored.
            PartlyPublished: Some streams took their events and one did not; its cause says why.
            WrongExpectedVersion, EventConflict, StreamGone: As `Log.append` says. Nothing was stored.
        """
        access.require(Scope.PUBLISH)
        access.require_events(events, stream=stream)
        self._limits.check(events)
        groups: dict[str, list[int]] = {}
        for index, event in enumerate(events):
            groups.setdefault(stream or stream_of(event), []).append(index)
        if expected is not ANY and len(groups) > 1:
            raise InvalidQuery("If-Match and If-None-Match need all events to be of one stream: name it by ?stream=")
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
                _place(results, indexes, events, appended)
                if appended.needs_wakeup:
                    needs_wakeup.add(appended.partition)
        finally:
            self._wakeups.notify(needs_wakeup)
        return [result for result in results if result]


def _place(
    results: list[Published | None], indexes: Sequence[int], events: Sequence[Event], appended: Appended
) -> None:
    for at, index in enumerate(indexes):
        results[index] = Published(appended.stream, appended.sequences[at], events[index].id, at in appended.duplicates)
