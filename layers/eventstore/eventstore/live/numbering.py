"""Numbers the frames of ephemeral subscriptions, and adds them to what a turn sends.

Each subscription has the number of its last frame; its next frame has the next number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.frames.budget import RecipientsByEvents
    from eventstore.frames.builder import DeliveryBuilder
    from eventstore.frames.positioned import PositionedEvent
    from eventstore.live.losses import Lost
    from eventstore.positions import Position
    from eventstore.subscriptions import Subscription, SubscriptionKey

__all__ = ["add_events", "add_live", "add_losses"]


def add_events(
    builder: DeliveryBuilder,
    events: Sequence[PositionedEvent],
    groups: RecipientsByEvents,
    last_frames: Mapping[SubscriptionKey, int],
) -> dict[SubscriptionKey, int]:
    """Number and add the frames of events. Subscriptions that get the same events share frames.

    Args:
        builder: Gathers the frames.
        events: The events.
        groups: The subscriptions that receive them.
        last_frames: The number of the last frame of each subscription.

    Returns:
        The number of the last frame of each subscription.
    """
    frames: dict[SubscriptionKey, int] = {}
    for (indexes, bare), subscriptions in groups.items():
        to = [(subscription, last_frames[subscription.key] + 1) for subscription in subscriptions]
        count = builder.add_events([events[index] for index in indexes], to, bare=bare)
        frames |= {subscription.key: last_frames[subscription.key] + count for subscription in subscriptions}
    return frames


def add_losses(
    builder: DeliveryBuilder, lost: Lost, after: Position, last_frames: Mapping[SubscriptionKey, int]
) -> dict[SubscriptionKey, int]:
    """Number and add the frames that report what is missing after a position.

    Args:
        builder: Gathers the frames.
        lost: The subscriptions by what they miss.
        after: The position.
        last_frames: The number of the last frame of each subscription.

    Returns:
        The number of the last frame of each subscription.
    """
    frames: dict[SubscriptionKey, int] = {}
    for members, subscriptions in lost.items():
        to = [(subscription, last_frames[subscription.key] + 1) for subscription in subscriptions]
        builder.add_truncated(members, after, to)
        frames |= {subscription.key: number for subscription, number in to}
    return frames


def add_live(
    builder: DeliveryBuilder,
    goal: Position,
    subscriptions: Sequence[Subscription],
    last_frames: Mapping[SubscriptionKey, int],
) -> dict[SubscriptionKey, int]:
    """Number and add the frames that report that subscriptions have caught up. Bare ones get none.

    Args:
        builder: Gathers the frames.
        goal: The position up to which they have received the log.
        subscriptions: The subscriptions.
        last_frames: The number of the last frame of each subscription.

    Returns:
        The number of the last frame of each subscription that gets one.
    """
    to = [(subscription, last_frames[subscription.key] + 1) for subscription in subscriptions if not subscription.bare]
    builder.add_live(goal, to)
    return {subscription.key: number for subscription, number in to}
