"""Events that many subscriptions are matched with."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from eventstore.cloudevents import recorded_attributes
from eventstore.streams import is_fork

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eventstore.cloudevents.event import AttributeValue
    from eventstore.frames.positioned import PositionedEvent
    from eventstore.streams import StreamName
    from eventstore.subscriptions import Subscription

__all__ = ["Batch"]


class Batch:
    """Events with the attributes that filters see, which are decoded once for all subscriptions, if any needs them.

    Args:
        events: The events.
        streams: The streams that they were read of; none if these were all.
    """

    def __init__(self, events: Sequence[PositionedEvent], *, streams: Sequence[StreamName] = ()) -> None:
        self.events = events
        self._streams = streams
        self._attributes: list[Mapping[str, AttributeValue] | None] = [None] * len(events)

    @cached_property
    def _forked(self) -> frozenset[int]:
        """The indexes of the events of forks, which those who name no stream do not receive."""
        return frozenset(i for i, positioned in enumerate(self.events) if is_fork(positioned.event.stream))

    def attributes(self, index: int) -> Mapping[str, AttributeValue]:
        """Return the attributes of an event."""
        attributes = self._attributes[index]
        if attributes is None:
            attributes = self._attributes[index] = recorded_attributes(self.events[index].event)
        return attributes

    def matched(self, subscription: Subscription, indexes: Iterable[int]) -> tuple[int, ...]:
        """Return the indexes of the events that a subscription matches.

        Args:
            subscription: The subscription.
            indexes: The indexes of the events to match.
        """
        events, streams = self.events, subscription.streams
        if not subscription.filter.is_everything:
            return tuple(
                index for index in indexes if subscription.matches(events[index].event.stream, self.attributes(index))
            )
        if not streams:
            return tuple(indexes) if not self._forked else tuple(i for i in indexes if i not in self._forked)
        if streams == self._streams:
            return tuple(indexes)
        return tuple(index for index in indexes if events[index].event.stream in streams)
