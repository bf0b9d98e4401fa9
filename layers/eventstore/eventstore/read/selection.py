"""Which events a page holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore.cloudevents import recorded_attributes
from eventstore.filters import EVERYTHING as ANY_ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.filters import Filter

__all__ = ["EVERYTHING", "Selection"]


@dataclass(frozen=True, slots=True)
class Selection:
    """What the query parameters of a read ask for.

    Attributes:
        filter: What their attributes are, the hub's own among them.
        streams: The streams wanted; none means all.
        since: Stored at or after this time, in milliseconds since 1970.
        until: Stored before this time.
    """

    filter: Filter = ANY_ATTRIBUTES
    streams: Sequence[str] = ()
    since: int | None = None
    until: int | None = None

    def matches(self, event: RecordedEvent) -> bool:
        """Whether the event is wanted."""
        if self.since is not None and event.time < self.since:
            return False
        if self.until is not None and event.time >= self.until:
            return False
        if self.streams and event.stream not in self.streams:
            return False
        # Attributes are not decoded where nobody asks for them.
        return self.filter == ANY_ATTRIBUTES or self.filter.matches(recorded_attributes(event))

    def is_past(self, event: RecordedEvent, *, backwards: bool) -> bool:
        """Whether neither this event nor any behind it, read in this direction, is within `since` and `until`."""
        if backwards:
            return self.since is not None and event.time < self.since
        return self.until is not None and event.time >= self.until


EVERYTHING = Selection()
