"""Where a subscription stands, told from the frames that came in. No I/O: see docs/protocol.md, "events"."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from eventstore_client.messages import Frame, Subscribed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Arrival", "Cursors", "Numbers"]


class Arrival(Enum):
    """What a frame's number says of it."""

    NEXT = "handle it"
    REPEATED = "drop it: it holds what that number held before"
    HOLE = "something before it was lost: subscribe again from the cursors"


@dataclass(slots=True)
class Numbers:
    """The numbers of the frames of one subscription on one connection. Each partition counts from 1."""

    _last: dict[int, int] = field(default_factory=dict)

    def arrived(self, frame: Frame) -> Arrival:
        """What to do with the frame. Only what is next is counted."""
        last = self._last.get(frame.partition, 0)
        if frame.number <= last:
            return Arrival.REPEATED
        if frame.number > last + 1:
            return Arrival.HOLE
        self._last[frame.partition] = frame.number
        return Arrival.NEXT


@dataclass(frozen=True, slots=True)
class Cursors:
    """All that is needed to resume, on any connection. It never changes, so threads may read it.

    Attributes:
        start: Covers every partition concerned; None while there is nothing to resume from.
        newest: Behind what was handled of each partition since.
    """

    start: str | None = None
    newest: Mapping[int, str] = field(default_factory=dict)

    def behind(self, handled: Subscribed | Frame) -> Cursors:
        """Where things stand once it was handled.

        `subscribed` speaks for every partition: it starts where the cursors that it was asked with stood.
        """
        if isinstance(handled, Subscribed):
            return Cursors(handled.cursor)
        return Cursors(self.start, {**self.newest, handled.partition: handled.cursor})

    def all(self) -> Sequence[str]:
        """Those to subscribe with."""
        return [*([] if self.start is None else [self.start]), *self.newest.values()]

    def __str__(self) -> str:
        """All of them in one string, which the hub takes as well."""
        return ".".join(self.all())
