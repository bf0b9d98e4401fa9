"""The events that a query selects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore.cloudevents import recorded_attributes
from eventstore.filters import EVERYTHING as ANY_ATTRIBUTES
from eventstore.streams import is_selected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.filters import Filter
    from eventstore.streams import StreamName

__all__ = ["EVERYTHING", "Selection"]


@dataclass(frozen=True, slots=True)
class Selection:
    """The criteria of a query; an event must fulfil all of them.

    Attributes:
        filter: A filter on its attributes, those of the hub included.
        streams: The streams of the events; all streams but forks, if empty.
        since: Only events that were stored at or after this time, in milliseconds since 1970.
        until: Only events that were stored before this time, in milliseconds since 1970.
    """

    filter: Filter = ANY_ATTRIBUTES
    streams: Sequence[StreamName] = ()
    since: int | None = None
    until: int | None = None

    def matches(self, event: RecordedEvent) -> bool:
        """Whether the query selects an event."""
        if self.since is not None and event.time < self.since:
            return False
        if self.until is not None and event.time >= self.until:
            return False
        if not is_selected(event.stream, self.streams):
            return False
        return self.filter.is_everything or self.filter.matches(recorded_attributes(event))

    def concerns(self, stream: StreamName) -> bool:
        """Whether the query could select events of a stream; losses of other streams are not reported to it."""
        return is_selected(stream, self.streams) and self.filter.may_want(stream)

    def is_past(self, event: RecordedEvent, *, backwards: bool) -> bool:
        """Whether no later event of the same read can lie between `since` and `until`.

        Args:
            event: The event that was read.
            backwards: Whether events are read backwards.
        """
        if backwards:
            return self.since is not None and event.time < self.since
        return self.until is not None and event.time >= self.until


EVERYTHING = Selection()
