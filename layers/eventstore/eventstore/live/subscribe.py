"""Connections and their ephemeral subscriptions: where a subscription starts, and which events are missing there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from eventstore.access import IN_BODY, IN_URL, Scope
from eventstore.errors import StoreUnavailable, StreamGone
from eventstore.positions import Cursor
from eventstore.read.start_position import origin_of, require_kept

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.access import Access
    from eventstore.ports import Log, Registry, Wakeups
    from eventstore.read.start_position import Origin
    from eventstore.streams import StreamName
    from eventstore.subscriptions import Connection, ConnectionId, Subscription

__all__ = ["Subscribed", "Subscriptions"]


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription that was started.

    Attributes:
        cursor: Where it starts, in every partition that it concerns.
        partitions: The partitions that it concerns.
        missing: Stream, first and last sequence of events that were removed after the cursor from which it resumed.
        missing_more: Whether more events are missing than `missing` reports.
        renewed: The partitions that were recreated since that cursor.
    """

    cursor: str
    partitions: Sequence[int]
    missing: Sequence[tuple[StreamName, int, int]] = ()
    missing_more: bool = False
    renewed: Sequence[int] = ()

    @property
    def recovery(self) -> Literal["complete", "truncated", "new-epoch"]:
        """How completely it resumes."""
        if self.renewed:
            return "new-epoch"
        return "truncated" if self.missing or self.missing_more else "complete"


class Subscriptions:
    """Registers connections, and starts their ephemeral subscriptions.

    Args:
        log: Holds the events.
        registry: Holds the connections and their subscriptions.
        wakeups: Starts the turns that carry new subscriptions on.
    """

    def __init__(self, log: Log, registry: Registry, wakeups: Wakeups) -> None:
        self._log = log
        self._registry = registry
        self._wakeups = wakeups

    def connect(self, connection: Connection, *, access: Access) -> None:
        """Register a connection, with the identity of the caller and the streams that it may reach.

        Args:
            connection: The connection.
            access: The caller's access.

        Raises:
            Forbidden: The access has neither the scope `publish` nor `subscribe`.
        """
        access.require(Scope.PUBLISH, Scope.SUBSCRIBE)
        tenants, prefixes = tuple(sorted(access.tenants)), access.prefixes
        self._registry.connect(replace(connection, subject=access.subject, tenants=tenants, prefixes=prefixes))

    def connection(self, connection_id: ConnectionId) -> Connection | None:
        """Return a connection; None if it is gone."""
        return self._registry.connection(connection_id)

    def check(
        self, subscription: Subscription, *, access: Access, cursors: Sequence[str] = (), oldest: bool = False
    ) -> None:
        """Raise what `start` would raise for the access, the streams and the cursors, without starting anything.

        Args:
            subscription: As in `start`.
            access: As in `start`.
            cursors: As in `start`.
            oldest: As in `start`.
        """
        self._origin(_confined(subscription, access), cursors, oldest=oldest)

    def start(
        self, subscription: Subscription, *, access: Access, cursors: Sequence[str] = (), oldest: bool = False
    ) -> Subscribed:
        """Start a subscription after cursors, or else at the oldest event kept, or else now.

        The partitions are not woken up yet: call `wake` once the client has its answer.

        Args:
            subscription: The subscription; its filter is confined to the streams that the access reaches.
            access: The caller's access. It needs the scope `subscribe`, and must reach the streams that are named.
            cursors: The cursors that the client received.
            oldest: Whether to start at the oldest event kept if there is no cursor.

        Raises:
            Forbidden: The access does not allow it.
            InvalidCursor: The cursors are invalid, or do not cover every partition that the subscription concerns.
            StreamGone: A stream that it names was deleted for good.
            SubscriptionConflict, TooManySubscriptions, ConnectionNotFound: See `Registry.subscribe`.
            StoreUnavailable: The store was reset meanwhile. Called again, it says what that means.
        """
        subscription = _confined(subscription, access)
        origin = self._origin(subscription, cursors, oldest=oldest)
        started = self._registry.subscribe(subscription, origin.starts)
        if any(started[partition].epoch != epoch for partition, epoch in origin.epochs.items()):
            # A position of the old history would be taken for one of the new, and the client would not learn of it.
            self._registry.unsubscribe(subscription.connection, subscription.id)
            raise StoreUnavailable("the store was reset while the subscription began; connect and subscribe again")
        # Its turns report what is deleted from here on. A stream that was deleted since the first check would be
        # reported by none.
        try:
            require_kept(self._log, subscription.streams)
        except StreamGone:
            self._registry.unsubscribe(subscription.connection, subscription.id)
            raise
        places = {partition: (start.epoch, start.position) for partition, start in started.items()}
        removals = {partition: start.removals for partition, start in started.items() if start.removals}
        token = Cursor(places, removals).token()
        ranges, complete = self._missing(subscription, origin)
        return Subscribed(token, list(origin.starts), ranges, not complete, origin.renewed)

    def wake(self, subscribed: Subscribed) -> None:
        """Request the first turns of a new subscription. If they are not requested, the sweep requests them."""
        # All partitions, although a wake-up may be on its way: if it is lost, the client would wait for the sweep.
        self._wakeups.notify(subscribed.partitions)

    def _origin(self, subscription: Subscription, cursors: Sequence[str], *, oldest: bool) -> Origin:
        require_kept(self._log, subscription.streams)
        return origin_of(self._log, subscription.streams, cursors=cursors, oldest=oldest)

    def _missing(
        self, subscription: Subscription, origin: Origin
    ) -> tuple[Sequence[tuple[StreamName, int, int]], bool]:
        """Return what was removed before the subscription started, and whether that is all. Turns report the rest."""
        if not origin.marks:
            return (), True
        missing = self._log.missing(origin.marks, since=origin.since, streams=subscription.streams)
        ranges = [
            removed
            for partition in sorted(missing)
            for removed in missing[partition].ranges
            if subscription.concerns(removed[0])
        ]
        complete = len(ranges) <= _RANGES and all(removals.complete for removals in missing.values())
        return ranges[:_RANGES], complete


def _confined(subscription: Subscription, access: Access) -> Subscription:
    """Return the subscription, confined to the streams that the access reaches.

    Raises:
        Forbidden: The access has not the scope `subscribe`, or does not reach a stream that the subscription names.
    """
    access.require(Scope.SUBSCRIBE)
    # A bare subscription is given in a URL, any other one in a message.
    pointers = IN_URL if subscription.bare else IN_BODY
    confined = access.confined(subscription.filter, streams=subscription.streams, pointers=pointers)
    return replace(subscription, filter=confined)


_RANGES = 100
