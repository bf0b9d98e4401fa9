"""Reading as callers ask for it: pages of events, one event, streams; each within what the caller's access reaches."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eventstore.access import Scope
from eventstore.cloudevents import attributes_of
from eventstore.errors import AmbiguousEvent, EventNotFound
from eventstore.read.pages import current, read_all, read_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eventstore.access import Access
    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.ports import Log, Slice
    from eventstore.read.pages import AllQuery, Page, StreamPage, StreamQuery
    from eventstore.streams import StreamState

__all__ = ["Reader"]


class Reader:
    """Reads the log. Every method needs the scope `read`."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def read(self, stream: str, query: StreamQuery, *, access: Access, may_go_on: Callable[[], bool]) -> StreamPage:
        """One page of a stream.

        Args:
            stream: Its name.
            query: Which events.
            access: The caller's; it must reach the stream.
            may_go_on: Whether there is time for more; at least one step is done in any case.

        Raises:
            Forbidden: The access does not allow it.
            StreamNotFound, StreamGone, NewEpoch: As `read_stream` says.
        """
        _require(access, stream)
        return read_stream(self._log, stream, query, may_go_on=may_go_on)

    def search(self, query: AllQuery, *, access: Access, may_go_on: Callable[[], bool]) -> Page:
        """One page of the events of all streams in reach.

        Args:
            query: Which events.
            access: The caller's; it must reach the streams that the query names.
            may_go_on: As in `read`.

        Raises:
            Forbidden: The access does not allow it.
            NewEpoch, InvalidQuery: As `read_all` says.
        """
        access.require(Scope.READ)
        selection = query.selection
        if selection.streams:
            access.require_streams(selection.streams, pointer="stream")
        else:
            selection = replace(selection, filter=access.confined(selection.filter, pointer="filter"))
        return read_all(self._log, replace(query, selection=selection), may_go_on=may_go_on)

    def find(
        self, event_id: str, *, access: Access, source: str | None = None, stream: str | None = None
    ) -> RecordedEvent:
        """The one event with an id that is in reach.

        Args:
            event_id: Its `id` attribute.
            access: The caller's; it must reach the stream, if one is named.
            source: Its `source` attribute, where several events may have the id.
            stream: The stream that holds it.

        Raises:
            Forbidden: The access does not allow it.
            EventNotFound: No event with this id is kept.
            AmbiguousEvent: Several events have it.
        """
        access.require(Scope.READ)
        if stream is not None:
            access.require_streams([stream], pointer="stream")
        candidates = [
            (event, str(attributes_of(event.body)["source"]))
            for event in self._log.locate(event_id, source=source, stream=stream)
            if access.reaches(event.stream)
        ]
        if source is not None:
            candidates = [(event, origin) for event, origin in candidates if origin == source]
        if not candidates:
            raise EventNotFound(event_id)
        if len(candidates) > 1:
            raise AmbiguousEvent(event_id, candidates=[(event.stream, origin) for event, origin in candidates])
        return candidates[0][0]

    def describe(self, stream: str, *, access: Access) -> Slice:
        """A stream's state, and the epoch of its partition; no event is read.

        Raises:
            Forbidden: The access does not allow it.
            StreamNotFound, StreamGone: As `Log.read` says.
        """
        _require(access, stream)
        return current(self._log, stream)

    def wait(self, known: StreamState, *, access: Access, seconds: float) -> None:
        """Return once a stream is another than it was `known` to be, or the time is over.

        Raises:
            Forbidden: The access does not allow it.
        """
        _require(access, known.name)
        self._log.wait(known.name, after=known.head, seconds=seconds, since=known)

    def streams(self, *, access: Access, prefix: str = "", after: str = "", count: int) -> Sequence[StreamState]:
        """Streams in reach, in the order of their names.

        Args:
            access: The caller's.
            prefix: How their names start.
            after: The name that they follow.
            count: How many at most.

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


def _require(access: Access, stream: str) -> None:
    access.require(Scope.READ)
    access.require_streams([stream], pointer="stream")
