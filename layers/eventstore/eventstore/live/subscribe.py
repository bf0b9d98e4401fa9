"""Connecting and subscribing: where a subscription starts, what is missing there, and who is to carry it on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from eventstore.access import Scope
from eventstore.errors import StreamGone
from eventstore.positions import Cursor
from eventstore.read.start_position import origin_of, require_kept

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.access import Access
    from eventstore.ports import Log, Registry, Wakeups
    from eventstore.read.start_position import Origin
    from eventstore.subscriptions import Connection, Subscription

__all__ = ["Subscribed", "Subscriptions"]


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription as it has begun.

    Attributes:
        cursor: Where it starts, in every partition concerned.
        partitions: Those concerned.
        missing: Per stream the sequences that were removed behind the cursor it resumed from; `missing_more` if there
            is more than can be told.
        renewed: The partitions that were made anew since that cursor.
    """

    cursor: str
    partitions: Sequence[int]
    missing: Sequence[tuple[str, int, int]] = ()
    missing_more: bool = False
    renewed: Sequence[int] = ()

    @property
    def recovery(self) -> str:
        """How honestly it resumes: `complete`, `truncated` or `new-epoch`."""
        if self.renewed:
            return "new-epoch"
        return "truncated" if self.missing or self.missing_more else "complete"


class Subscriptions:
    """Takes connections in, and starts their ephemeral subscriptions."""

    def __init__(self, log: Log, registry: Registry, wakeups: Wakeups) -> None:
        self._log = log
        self._registry = registry
        self._wakeups = wakeups

    def connect(self, connection: Connection, *, access: Access) -> None:
        """Take a connection in, of a caller who may do anything with it.

        Raises:
            Forbidden: The access has neither the scope `publish` nor `subscribe`.
        """
        access.require(Scope.PUBLISH, Scope.SUBSCRIBE)
        self._registry.connect(connection)

    def connection(self, connection_id: str) -> Connection | None:
        """The connection, unless it is gone."""
        return self._registry.connection(connection_id)

    def check(
        self, subscription: Subscription, *, access: Access, cursors: Sequence[str] = (), oldest: bool = False
    ) -> None:
        """Raise what `start` would raise of the access, the streams and the cursors; nothing is started."""
        self._origin(_confined(subscription, access), cursors, oldest=oldest)

    def start(
        self, subscription: Subscription, *, access: Access, cursors: Sequence[str] = (), oldest: bool = False
    ) -> Subscribed:
        """Start a subscription behind cursors, or else from the oldest event kept, or else from now on.

        The partitions that are to carry it on are not woken up yet: `wake` does it, once the client was answered.

        Args:
            subscription: What is asked for; it is confined to what the access reaches.
            access: The caller's; it needs the scope `subscribe`, and reach of the streams that are named.
            cursors: As clients were given them.
            oldest: Whether to start at the oldest event, where there is no cursor.

        Raises:
            Forbidden: The access does not allow it.
            InvalidCursor: The cursors are none, or do not cover all partitions concerned.
            StreamGone: A stream that it names was deleted for good.
            SubscriptionConflict, TooManySubscriptions, ConnectionNotFound: As `Registry.subscribe` says.
        """
        subscription = _confined(subscription, access)
        origin = self._origin(subscription, cursors, oldest=oldest)
        started = self._registry.subscribe(subscription, origin.starts)
        # Its turns tell what is deleted from here on; what was meanwhile, nobody would.
        try:
            require_kept(self._log, subscription.streams)
        except StreamGone:
            self._registry.unsubscribe(subscription.connection, subscription.id)
            raise
        places = {p: (one.epoch, one.position) for p, one in started.items()}
        token = Cursor(places, {p: one.removals for p, one in started.items() if one.removals}).token()
        ranges, complete = self._missing(subscription, origin)
        return Subscribed(token, list(origin.starts), ranges, not complete, origin.renewed)

    def wake(self, subscribed: Subscribed) -> None:
        """Let the partitions concerned carry a new subscription on. If this is not done, the sweep does it."""
        # Of all, though a wakeup may be on its way: it may also be lost, and who subscribes would wait for the sweep.
        self._wakeups.notify(subscribed.partitions)

    def _origin(self, subscription: Subscription, cursors: Sequence[str], *, oldest: bool) -> Origin:
        require_kept(self._log, subscription.streams)
        return origin_of(self._log, subscription.streams, cursors=cursors, oldest=oldest)

    def _missing(self, subscription: Subscription, origin: Origin) -> tuple[Sequence[tuple[str, int, int]], bool]:
        """What was removed by the time that the subscription began; what is removed later, its turns tell."""
        if not origin.marks:
            return (), True
        found = self._log.missing(origin.marks, since=origin.since, streams=subscription.streams)
        ranges = [
            found_range
            for partition in sorted(found)
            for found_range in found[partition].ranges
            if subscription.concerns(found_range[0])
        ]
        return ranges[:_TOLD], len(ranges) <= _TOLD and all(one.complete for one in found.values())


def _confined(subscription: Subscription, access: Access) -> Subscription:
    """What is asked for, of what the access reaches alone; to name streams out of reach is refused."""
    access.require(Scope.SUBSCRIBE)
    # A bare subscription stands in a URL, any other one in a message.
    stream, filters = ("stream", "filter") if subscription.bare else ("/stream", "/filters")
    if subscription.streams:
        access.require_streams(subscription.streams, pointer=stream)
        return subscription
    return replace(subscription, filter=access.confined(subscription.filter, pointer=filters))


_TOLD = 100
