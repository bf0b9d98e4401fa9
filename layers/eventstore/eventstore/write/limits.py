"""The limits on the size of events, and on the number of events of a publish."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from eventstore.errors import SettingsError, TooLarge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.cloudevents.event import Event

__all__ = ["Limits"]

_RECORD_BYTES = 40 * 1024
"""What is in a record beside the bodies of events, at most: 37 bytes an event, the name of the stream, and a head."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The maximum sizes, in bytes of the JSON format.

    Attributes:
        event_bytes: The size of an event.
        small_bytes: An event up to this size is always accepted (CloudEvents 1.0.2, Size Limits). The attributes of a
            larger event may have this size together, so that they fit into a frame without the data.
        name_bytes: The size of the id, and of the source, of an event that is not small: the URL of its data has both.
        batch_events: The number of events of a publish. With two arguments each, they stay well under the 3,999
            arguments that ElastiCache Serverless accepts.
        batch_bytes: The size of all events of a publish; ElastiCache Serverless accepts 4 MiB per script call.
    """

    event_bytes: int = 256 * 1024
    small_bytes: int = 64 * 1024
    name_bytes: int = 2 * 1024
    batch_events: int = 1000
    batch_bytes: int = 3 * 1024 * 1024

    @classmethod
    def of_records(cls, most_bytes: int) -> Limits:
        """Return the limits where the events of a publish are a record of a journal.

        Args:
            most_bytes: The largest record that the journal accepts, in bytes.

        Raises:
            SettingsError: An event of the size that is allowed does not fit.
        """
        limits = cls()
        room = most_bytes - _RECORD_BYTES
        if room < limits.event_bytes:
            raise SettingsError(
                f"the journal accepts records of {most_bytes} bytes, and the hub needs "
                f"{limits.event_bytes + _RECORD_BYTES}: raise max_payload of NATS"
            )
        return replace(limits, batch_bytes=min(limits.batch_bytes, room))

    def check(self, events: Sequence[Event]) -> None:
        """Raise `TooLarge` unless one publish may hold these events."""
        if len(events) > self.batch_events:
            raise TooLarge(f"the request has {len(events)} events; at most {self.batch_events} are allowed")
        total = 0
        for index, event in enumerate(events):
            size = len(event.body)
            total += size
            if size > self.event_bytes:
                raise TooLarge(
                    f"event {event.id[:80]!r} is {size} bytes long; at most {self.event_bytes} are allowed: "
                    "store large data elsewhere and refer to it with the dataref extension",
                    pointer=f"/{index}",
                )
            if size > self.small_bytes:
                self._check_attributes(event, pointer=f"/{index}")
        if total > self.batch_bytes:
            raise TooLarge(f"the batch is {total} bytes long; at most {self.batch_bytes} are allowed")

    def _check_attributes(self, event: Event, *, pointer: str) -> None:
        for name, value in (("id", event.id), ("source", event.source)):
            length = len(value.encode())
            if length > self.name_bytes:
                raise TooLarge(
                    f"the {name} of event {event.id[:80]!r} is {length} bytes long; in an event of more than "
                    f"{self.small_bytes} bytes, at most {self.name_bytes} are allowed",
                    pointer=f"{pointer}/{name}",
                )
        length = len(json.dumps(event.attributes, separators=(",", ":"), ensure_ascii=False).encode())
        if length > self.small_bytes:
            raise TooLarge(
                f"the attributes of event {event.id[:80]!r} are {length} bytes long in total; at most "
                f"{self.small_bytes} are allowed: move long values to data",
                pointer=pointer,
            )
