"""The stored definitions of durable subscriptions: announced to their partitions, and kept up to date with filters."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eventstore.durable.lookup import durables_in_order
from eventstore.durable.naming import begin_use, followed
from eventstore.errors import FilterNotFound, SubscriptionNotFound
from eventstore.groups import Change

if TYPE_CHECKING:
    from eventstore.ports import Durables, NamedFilters, Wakeups
    from eventstore.subscriptions import Durable

__all__ = ["Definitions"]


class Definitions:
    """Completes changes of definitions, which use cases and the sweep begin. Completing one twice changes nothing.

    Args:
        durables: Holds the subscriptions.
        filters: Holds the filters that subscriptions may name.
        wakeups: Starts the turns that apply definitions.
    """

    def __init__(self, durables: Durables, filters: NamedFilters, wakeups: Wakeups) -> None:
        self._durables = durables
        self._filters = filters
        self._wakeups = wakeups

    def announce(self, durable: Durable) -> None:
        """Enqueue a definition in the partitions that have an older one. Each applies it from its next turn on."""
        command = Change(durable.version, durable.encoded())
        outdated = [
            partition for partition, group in self._durables.groups(durable).items() if group.version < durable.version
        ]
        if outdated:
            self._wakeups.notify(self._durables.enqueue(durable, {partition: [command] for partition in outdated}))

    def announce_all(self) -> None:
        """Do what processes that crashed left undone: announce changed definitions, and follow changed filters."""
        for durable in durables_in_order(self._durables):
            if durable.reference is not None:
                self.follow(durable)
            elif durable.version > 1:
                self.announce(durable)

    def follow(self, durable: Durable) -> Durable:
        """Bring the filter of a subscription up to date with the filter that it names, and announce the definition.

        Args:
            durable: The subscription, as it was read.

        Returns:
            The subscription as it is now.
        """
        while True:
            changed = followed(self._filters, durable)
            if changed is durable or self._durables.change(durable, changed):
                self.announce(changed)
                return changed
            try:
                durable = self._durables.get(durable.name)
            except SubscriptionNotFound:
                return durable

    def begin_following(self, durable: Durable) -> Durable:
        """Record that a stored subscription names a filter, and return it with the filter's present definition.

        The filter may have been changed after it was read, when the subscription did not yet name it.

        Raises:
            FilterNotFound: The filter was deleted meanwhile.
        """
        if durable.reference is None:
            return durable
        begin_use(self._filters, durable.reference.name)
        return self.follow(durable)

    def follow_or_restore(self, changed: Durable, previous: Durable) -> Durable:
        """Return `begin_following(changed)`; restore the previous definition if the filter was deleted meanwhile.

        Args:
            changed: The stored definition, which names another filter than the one before.
            previous: The definition before.

        Raises:
            FilterNotFound: The filter was deleted meanwhile.
        """
        try:
            return self.begin_following(changed)
        except FilterNotFound:
            restored = replace(previous, version=changed.version + 1)
            if self._durables.change(changed, restored):
                self.announce(restored)
            raise
