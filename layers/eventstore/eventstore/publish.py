"""What the hub does with events and streams, whatever keeps them."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eventstore.access import FULL
from eventstore.cloudevents import attributes_of
from eventstore.errors import (
    AmbiguousEvent,
    EventNotFound,
    InvalidQuery,
    StreamConflict,
    TooLarge,
    Unavailable,
    WrongExpectedVersion,
)
from eventstore.streams import ANY, Expected, StreamConfig, StreamState, stream_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from eventstore.access import Access
    from eventstore.cloudevents.event import Event, RecordedEvent
    from eventstore.ports import Appended, Bells, Clock, Log
    from eventstore.streams import Condition

_LOGGER = logging.getLogger(__name__)

__all__ = ["Limits", "PartlyPublished", "Published", "Store"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What the hub takes at once.

    Attributes:
        event_bytes: One event, in the JSON format.
        small_bytes: An event of this size is taken whatever it consists of (CloudEvents 1.0.2, Size Limits); of a
            larger one the attributes together may have as many, so that they fit into a frame without the data.
        name_bytes: The id, and the source, of an event that is not small: they stand in the URL of its data.
        batch_events: The events of one publish. Two arguments each, they stay well under the 3,999 that
            ElastiCache Serverless allows a script.
        batch_bytes: The events of one publish together; ElastiCache Serverless allows a script 4 MiB.
    """

    event_bytes: int = 256 * 1024
    small_bytes: int = 64 * 1024
    name_bytes: int = 2 * 1024
    batch_events: int = 1000
    batch_bytes: int = 3 * 1024 * 1024


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


@dataclass(frozen=True, slots=True)
class Store:
    """Publishes events, finds them, and keeps their streams.

    Attributes:
        bells: Rung for the partitions that have news; without any, nothing is delivered live.
        clock: By which a deletion removes what it can in a short time; without one, all is left to the sweep.
    """

    log: Log
    bells: Bells | None = None
    limits: Limits = field(default=Limits())
    clock: Clock | None = None

    def publish(
        self, events: Sequence[Event], *, stream: str | None = None, expected: Expected = ANY
    ) -> list[Published]:
        """Store events, all or none of each stream, and say where each stands.

        Args:
            events: In the order in which they are to stand. Of none, nothing is done.
            stream: Where all of them belong; without it, each says so itself (`streams.stream_of`).
            expected: Where the caller believes the stream ends; it needs all events to be of one stream.

        Raises:
            InvalidEvent: An attribute is the hub's own.
            TooLarge: One event, its attributes, or all events together, are beyond the limits. Nothing was stored.
            PartlyPublished: Some streams took their events and one did not; its cause says why.
            WrongExpectedVersion, EventConflict, StreamGone: As `Log.append` says. Nothing was stored.
        """
        self._check(events)
        groups: dict[str, list[int]] = {}
        for index, event in enumerate(events):
            groups.setdefault(stream or stream_of(event), []).append(index)
        if expected is not ANY and len(groups) > 1:
            raise InvalidQuery("If-Match and If-None-Match need all events to be of one stream: name it by ?stream=")
        results: list[Published | None] = [None] * len(events)
        silent: set[int] = set()
        try:
            for name, indexes in groups.items():
                try:
                    appended = self.log.append(name, [events[i] for i in indexes], expected=expected)
                except Exception as error:
                    if any(results):
                        raise PartlyPublished(results) from error
                    raise
                _place(results, indexes, events, appended)
                if appended.rings:
                    silent.add(appended.partition)
        finally:
            self._ring(silent)
        return [result for result in results if result]

    def _ring(self, partitions: Collection[int]) -> None:
        if not partitions or self.bells is None:
            return
        try:
            self.bells.ring(partitions)
        except Unavailable as error:
            # The events are stored, and the sweep rings for them.
            _LOGGER.warning("%s: %s", error.code, error.detail)

    def event(
        self, event_id: str, *, source: str | None = None, stream: str | None = None, access: Access = FULL
    ) -> RecordedEvent:
        """The one event with an id that is in reach.

        Raises:
            EventNotFound: None is kept.
            AmbiguousEvent: Several are.
        """
        found = [
            (event, str(attributes_of(event.body)["source"]))
            for event in self.log.locate(event_id, source=source, stream=stream)
            if access.reaches(event.stream)
        ]
        if source is not None:
            found = [(event, origin) for event, origin in found if origin == source]
        if not found:
            raise EventNotFound(event_id)
        if len(found) > 1:
            raise AmbiguousEvent(event_id, candidates=[(event.stream, origin) for event, origin in found])
        return found[0][0]

    def create(self, stream: str, config: StreamConfig, *, new: bool = False) -> tuple[StreamState, bool]:
        """Make a stream, if it is to be `new` only where there is none of its name.

        Returns:
            The state that it is in, and whether it was made now.

        Raises:
            StreamConflict, StreamGone: As `Log.create` says.
            WrongExpectedVersion: It was to be new, and is there.
        """
        try:
            created = self.log.create(stream, config)
        except StreamConflict:
            if not new:
                raise
            created = False
        state = self.log.describe(stream)
        if new and not created:
            raise WrongExpectedVersion(stream, expected=None, actual=state.head)
        return state, created

    def configure(
        self,
        stream: str,
        change: Callable[[StreamConfig], StreamConfig],
        *,
        accepts: Callable[[StreamState], bool] | None = None,
    ) -> StreamState:
        """Change a stream's settings, and remove for a short time what they no longer keep; the sweep removes the rest.

        Args:
            stream: Its name.
            change: Makes the new settings of those that it has.
            accepts: Whether the stream, as it is, may be changed; without it, it may be however it is.

        Raises:
            StreamNotFound, StreamGone: As `Log.configure` says.
            WrongExpectedVersion: It may not; nothing is changed.
        """
        while True:
            known = self.log.describe(stream)
            if accepts is not None and not accepts(known):
                raise WrongExpectedVersion(stream, expected=None, actual=known.head)
            config = change(known.config)
            # Who says the same again, because an answer was lost, changes nothing.
            if config == known.config or self.log.configure(known, config, exactly=accepts is not None):
                break
        self._trim(stream)
        return self.log.describe(stream)

    def delete(self, stream: str, *, permanently: bool = False, conditions: Sequence[Condition] = ()) -> None:
        """Delete a stream's events, all at once; `permanently`, it takes none again. Raises as `Log.delete` does.

        What is left in memory is removed for a short time; the sweep removes the rest.
        """
        deleted = self.log.delete(stream, permanently=permanently, conditions=conditions)
        # Subscribers are told by the partition's next turn.
        self._ring([deleted.partition] if deleted.rings else [])
        self._trim(stream)

    def _trim(self, stream: str) -> None:
        if self.clock is None:
            return
        try:
            self.log.trim(stream, until=self.clock.now() + _TRIMMING)
        except Unavailable as error:
            # What was asked for is done, and the sweep goes on.
            _LOGGER.warning("%s: %s", error.code, error.detail)

    def _check(self, events: Sequence[Event]) -> None:
        if len(events) > self.limits.batch_events:
            raise TooLarge(f"{len(events)} events at once; at most {self.limits.batch_events} are taken")
        total = 0
        for index, event in enumerate(events):
            size = len(event.body)
            total += size
            if size > self.limits.event_bytes:
                raise TooLarge(
                    f"event {event.id[:80]!r} is {size} bytes long; at most {self.limits.event_bytes} are taken: "
                    "keep large data elsewhere and name it by the dataref extension",
                    pointer=f"/{index}",
                )
            if size > self.limits.small_bytes:
                self._check_attributes(event, pointer=f"/{index}")
        if total > self.limits.batch_bytes:
            raise TooLarge(f"the batch is {total} bytes long; at most {self.limits.batch_bytes} are taken")

    def _check_attributes(self, event: Event, *, pointer: str) -> None:
        for name, value in (("id", event.id), ("source", event.source)):
            length = len(value.encode())
            if length > self.limits.name_bytes:
                raise TooLarge(
                    f"the {name} of event {event.id[:80]!r} is {length} bytes long; an event of more than "
                    f"{self.limits.small_bytes} bytes is named by at most {self.limits.name_bytes}: shorten it",
                    pointer=f"{pointer}/{name}",
                )
        length = len(json.dumps(event.attributes, separators=(",", ":"), ensure_ascii=False).encode())
        if length > self.limits.small_bytes:
            raise TooLarge(
                f"the attributes of event {event.id[:80]!r} are {length} bytes long together; at most "
                f"{self.limits.small_bytes} are taken: what is long belongs into data",
                pointer=pointer,
            )


def _place(
    results: list[Published | None], indexes: Sequence[int], events: Sequence[Event], appended: Appended
) -> None:
    for at, index in enumerate(indexes):
        results[index] = Published(appended.stream, appended.sequences[at], events[index].id, at in appended.duplicates)


_TRIMMING = 2000
"""Milliseconds that a deletion spends on memory before it is answered: API Gateway ends a request after 29 seconds."""
