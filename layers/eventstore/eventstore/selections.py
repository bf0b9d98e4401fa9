"""Which events a reader wants, by their context attributes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eventstore.cloudevents import attributes_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.events import RecordedEvent

__all__ = ["EVERYTHING", "Selection"]


@dataclass(frozen=True, slots=True)
class Selection:
    """What the query parameters of a read ask for: any of an attribute's values, and all of the attributes.

    Attributes:
        attributes: Wanted values by attribute name. A wanted `type` may end in `*` and then is a prefix.
        streams: The streams wanted; none means all.
        since: Stored at or after this time, in milliseconds since 1970.
        until: Stored before this time.
    """

    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)
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
        if not self.attributes:
            return True
        found = attributes_of(event.body)
        return all(_any(name, wanted, found.get(name)) for name, wanted in self.attributes.items())

    def is_past(self, event: RecordedEvent, *, backwards: bool) -> bool:
        """Whether neither this event nor any behind it, read in this direction, is within `since` and `until`."""
        if backwards:
            return self.since is not None and event.time < self.since
        return self.until is not None and event.time >= self.until


EVERYTHING = Selection()


def _any(name: str, wanted: Sequence[str], value: object) -> bool:
    if value is None:
        return False
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if name != "type":
        return text in wanted
    return any(text.startswith(want[:-1]) if want.endswith("*") else text == want for want in wanted)
