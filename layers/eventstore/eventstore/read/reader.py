"""The use case of reading: pages of events, single events and streams, within the access of the caller."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eventstore.access import IN_URL, Scope
from eventstore.cloudevents import attributes_of
from eventstore.errors import AmbiguousEvent, EventNotFound
from eventstore.read.pages import current, read_all, read_stream
from eventstore.streams import is_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eventstore.access import Access
    from eventstore.cloudevents.event import EventId, RecordedEvent
    from eventstore.ports import Log, Slice
    from eventstore.read.pages import AllQuery, Page, StreamPage, StreamQuery
    from eventstore.streams import StreamName, StreamState

__all__ = ["Reader"]


class Reader:
    """Reads events and streams. Every method requires the scope `read`."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def read(
        self, stream: StreamName, query: StreamQuery, *, access: Access, may_go_on: Callable[[], bool]
    ) -> StreamPage:
        """Read a page of a stream.

        Args:
            stream: The name of the stream.
            query: The events to read.
            access: The access of the caller, which must include the stream.
            may_go_on: Whether there is time for another step; the first step is always done.

        Raises:
            Forbidden: The access does not allow it.
            StreamNotFound, StreamGone, NewEpoch: See `read_stream`.
        """
        _require(access, stream)
        return read_stream(self._log, stream, query, may_go_on=may_go_on)

    def search(self, query: AllQuery, *, access: Access, may_go_on: Callable[[], bool]) -> Page:
        """Read a page of the events of all streams that the access includes.

        Args:
            query: The events to read.
            access: The access of the caller, which must include the streams that the query names.
            may_go_on: As in `read`.

        Raises:
            Forbidden: The access does not allow it.
            NewEpoch, InvalidQuery: See `read_all`.
        """
        access.require(Scope.READ)
        selection = query.selection
        confined = access.confined(selection.filter, streams=selection.streams, pointers=IN_URL)
        query = replace(query, selection=replace(selection, filter=confined))
        return read_all(self._log, query, may_go_on=may_go_on)

    def find(
        self, event_id: EventId, *, access: Access, source: str | None = None, stream: StreamName | None = None
    ) -> RecordedEvent:
        """Find the only event with an id in the streams that the access includes.

        Args:
            event_id: The `id` attribute.
            access: The access of the caller, which must include `stream`.
            source: Only events with this `source` attribute.
            stream: Only events of this stream. Without it, forks are not searched.

        Raises:
            Forbidden: The access does not allow it.
            EventNotFound: There is no such event.
            AmbiguousEvent: There are several such events.
        """
        access.require(Scope.READ)
        if stream is not None:
            access.require_streams([stream], pointer="stream")
        candidates = [
            (event, str(attributes_of(event.body)["source"]))
            for event in self._log.locate(event_id, source=source, stream=stream)
            if access.reaches(event.stream) and (stream is not None or not is_fork(event.stream))
        ]
        if source is not None:
            candidates = [(event, origin) for event, origin in candidates if origin == source]
        if not candidates:
            raise EventNotFound(event_id)
        if len(candidates) > 1:
            raise AmbiguousEvent(event_id, candidates=[(event.stream, origin) for event, origin in candidates])
        return candidates[0][0]

    def describe(self, stream: StreamName, *, access: Access) -> Slice:
        """Return the state of a stream and the epoch of its partition; no event is read.

        Args:
            stream: The name of the stream.
            access: The access of the caller, which must include the stream.

        Raises:
            Forbidden: The access does not allow it.
            StreamNotFound, StreamGone: See `Log.read`.
        """
        _require(access, stream)
        return current(self._log, stream)

    def wait(self, known: StreamState, *, access: Access, seconds: float) -> None:
        """Block until a stream has a new event or is deleted, or the time is over.

        Args:
            known: The state of the stream that the caller knows.
            access: The access of the caller, which must include the stream.
            seconds: The maximum time to wait.

        Raises:
            Forbidden: The access does not allow it.
        """
        _require(access, known.name)
        self._log.wait(known.name, after=known.head, seconds=seconds, since=known)

    def streams(self, *, access: Access, prefix: str = "", after: str = "", count: int) -> Sequence[StreamState]:
        """Return the states of streams that the access includes, in lexicographic order of their names.

        Args:
            access: The access of the caller.
            prefix: Only names that start with it.
            after: Only names greater than it.
            count: The maximum number of streams.

        Raises:
            Forbidden: The access does not allow it.
        """
        access.require(Scope.READ)
        states: list[StreamState] = []
        for start in access.within(prefix):
            states += self._log.streams(prefix=start, after=after, count=count - len(states))
            if len(states) >= count:
                break
        return states


def _require(access: Access, stream: StreamName) -> None:
    access.require(Scope.READ)
    access.require_streams([stream], pointer="stream")
