"""Events that many subscriptions are matched with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from eventstore.cloudevents import recorded_attributes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eventstore.cloudevents.event import AttributeValue
    from eventstore.frames.builder import PositionedEvent
    from eventstore.read.window import Window
    from eventstore.subscriptions import Subscription

__all__ = ["Batch"]


class Batch(NamedTuple):
    """Events with the attributes that filters see, which are computed once for all subscriptions."""

    events: Sequence[PositionedEvent]
    attributes: Sequence[Mapping[str, AttributeValue]]

    @classmethod
    def of(cls, window: Window) -> Batch:
        """Return the events of a window as a batch."""
        return cls(window.events, [recorded_attributes(positioned.event) for positioned in window.events])

    def matched(self, subscription: Subscription, indexes: Iterable[int]) -> tuple[int, ...]:
        """Return the indexes of the events that a subscription matches.

        Args:
            subscription: The subscription.
            indexes: The indexes of the events to match.
        """
        return tuple(
            index for index in indexes if subscription.matches(self.events[index].event.stream, self.attributes[index])
        )
