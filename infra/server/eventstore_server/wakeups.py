"""What follows a stored write: little, for instances follow the logs and the commands of their partitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore.adapters.redis.durables import RedisDurables

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from eventstore.groups import Member
    from eventstore.ports import DispatchQueue, Start
    from eventstore.positions import Position
    from eventstore.streams import DurableName
    from eventstore.subscriptions import Durable
    from eventstore_server.live_feed import LiveFeed
    from eventstore_server.partition_workers import PartitionWorkers

__all__ = ["InstanceDurables", "InstanceWakeups"]


class InstanceWakeups:
    """See `ports.Wakeups`.

    An append says that its partition needs a wake-up after almost every turn, although most partitions have no durable
    subscriptions. So it is treated as what it is: news of the log. Commands of members are followed, too.

    Args:
        feed: Delivers to the ephemeral subscriptions of this instance.
        workers: The workers of its partitions.
        queue: Receives requests to the hub itself.
        wake_others: Called with the partitions that this instance does not own, if functions share the store: the
            owner may be an instance that leaves dispatching to them; it does not follow commands. None if none do.
    """

    def __init__(
        self,
        feed: LiveFeed,
        workers: PartitionWorkers,
        queue: DispatchQueue,
        *,
        wake_others: Callable[[Collection[int]], None] | None = None,
    ) -> None:
        self._feed = feed
        self._workers = workers
        self._queue = queue
        self._wake_others = wake_others

    def notify(self, partitions: Collection[int]) -> None:
        """See `Wakeups.notify`."""
        self._feed.request_turns(partitions)
        for partition in partitions:
            self._workers.log_moved(partition)
        if self._wake_others is not None and (others := set(partitions) - self._workers.owned):
            self._wake_others(others)

    def subscription_deleted(self, name: DurableName, members: Collection[Member]) -> None:
        """See `Wakeups.subscription_deleted`."""
        if members:
            self._queue.subscription_deleted(name, members)


class InstanceDurables(RedisDurables):
    """See `ports.Durables`. The partitions of a new subscription are served at once, by whichever instance has them.

    Args:
        *arguments: Those of `RedisDurables`.
        created: Called with the partitions of each subscription that is created.
        **options: Those of `RedisDurables`.
    """

    def __init__(self, *arguments: Any, created: Callable[[Collection[int]], None], **options: Any) -> None:  # noqa: ANN401 - see above
        super().__init__(*arguments, **options)
        self._created = created

    def create(
        self, durable: Durable, starts: Mapping[int, Position | Start], *, removals: Mapping[int, int] | None = None
    ) -> Durable:
        """See `Durables.create`."""
        created = super().create(durable, starts, removals=removals)
        self._created(list(starts))
        return created
