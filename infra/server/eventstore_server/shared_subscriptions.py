"""The ephemeral subscriptions of a store that functions share: those of this process, and those in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eventstore.ports import EphemeralSubscriptions, Start, Started
    from eventstore.positions import Position
    from eventstore.subscriptions import Subscription, SubscriptionKey
    from eventstore_server.live_feed import LiveFeed

__all__ = ["SharedSubscriptions"]


class SharedSubscriptions:
    """See `ports.EphemeralSubscriptions`. Subscriptions start in this process.

    This process also ends those of clients of API Gateway, which are in the store: it closes connections for operators,
    and its sweep removes expired ones.

    Args:
        feed: The subscriptions of this process.
        stored: Those of clients of API Gateway.
    """

    stores_definitions = False

    def __init__(self, feed: LiveFeed, stored: EphemeralSubscriptions) -> None:
        self._feed = feed
        self._stored = stored

    def start(self, subscription: Subscription, starts: Mapping[int, Position | Start]) -> Mapping[int, Started]:
        """See `EphemeralSubscriptions.start`."""
        return self._feed.start(subscription, starts)

    def end(self, key: SubscriptionKey, partitions: Iterable[int], terms: Sequence[str]) -> None:
        """See `EphemeralSubscriptions.end`."""
        ended = list(partitions)
        if self._feed.has(key):
            self._feed.end(key, ended, terms)
        else:
            self._stored.end(key, ended, terms)

    def frames_of(self, key: SubscriptionKey) -> Mapping[int, int]:
        """See `EphemeralSubscriptions.frames_of`."""
        return self._feed.frames_of(key) if self._feed.has(key) else self._stored.frames_of(key)
