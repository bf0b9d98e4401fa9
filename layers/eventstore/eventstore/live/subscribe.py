"""Starting subscriptions: where they start, what is missing there, and who is to carry them on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore.errors import StreamGone
from eventstore.positions import Cursor
from eventstore.read.start_position import origin_of, require_kept

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.ports import Bells, Log, Registry
    from eventstore.read.start_position import Origin
    from eventstore.subscriptions import Subscription

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
    """Starts and ends the subscriptions of connections."""

    def __init__(self, log: Log, registry: Registry, bells: Bells) -> None:
        self._log = log
        self._registry = registry
        self._bells = bells

    def start(self, subscription: Subscription, *, cursors: Sequence[str] = (), oldest: bool = False) -> Subscribed:
        """Start a subscription behind cursors, or else from the oldest event kept, or else from now on.

        The partitions that are to carry it on have yet to be rung for: `ring` does it, once it was answered.

        Raises:
            InvalidCursor: The cursors are none, or do not cover all partitions concerned.
            StreamGone: A stream that it names was deleted for good.
            SubscriptionConflict, TooManySubscriptions, ConnectionNotFound: As `Registry.subscribe` says.
        """
        require_kept(self._log, subscription.streams)
        origin = origin_of(self._log, subscription.streams, cursors=cursors, oldest=oldest)
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

    def ring(self, subscribed: Subscribed) -> None:
        """Let the partitions concerned carry a new subscription on. If this is not done, the sweep does it."""
        # Of all, though a bell may be on its way: it may also be lost, and who subscribes would wait for the sweep.
        self._bells.ring(subscribed.partitions)

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


_TOLD = 100
