"""The position of a subscription, computed from the frames received, without I/O (docs/protocol.md, "events")."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from eventstore_client.messages import Frame, Subscribed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Arrival", "Cursors", "Numbers"]


class Arrival(Enum):
    """How a frame's number compares with the frames before it."""

    NEXT = "process it"
    REPEATED = "drop it: it is a copy of a frame received before"
    HOLE = "a frame before it was lost: subscribe again from the cursors"


@dataclass(slots=True)
class Numbers:
    """The last frame number of each partition, for one subscription on one connection. Each partition counts from 1."""

    _last: dict[int, int] = field(default_factory=dict)

    def arrived(self, frame: Frame) -> Arrival:
        """Compare a frame's number with the last one. Only `Arrival.NEXT` advances the count."""
        last = self._last.get(frame.partition, 0)
        if frame.number <= last:
            return Arrival.REPEATED
        if frame.number > last + 1:
            return Arrival.HOLE
        self._last[frame.partition] = frame.number
        return Arrival.NEXT


@dataclass(frozen=True, slots=True)
class Cursors:
    """The cursors that resume a subscription, on any connection. Immutable, so that threads may share it.

    Attributes:
        start: A cursor that covers every partition of the subscription; None before there is one.
        newest: For each partition, the cursor behind the last frame handled since `start`.
    """

    start: str | None = None
    newest: Mapping[int, str] = field(default_factory=dict)

    def behind(self, handled: Subscribed | Frame) -> Cursors:
        """Return the cursors after a message was handled.

        `subscribed` covers every partition: the hub starts where the cursors of the request are.
        """
        if isinstance(handled, Subscribed):
            return Cursors(handled.cursor)
        return Cursors(self.start, {**self.newest, handled.partition: handled.cursor})

    def all(self) -> Sequence[str]:
        """Return the cursors to subscribe with."""
        return [*([] if self.start is None else [self.start]), *self.newest.values()]

    def __str__(self) -> str:
        """Return all cursors joined into one, which the hub accepts, too."""
        return ".".join(self.all())
