"""What the use cases and the dispatcher send: handled in this process, or passed on to the instance that can."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from eventstore.errors import EventstoreError
from eventstore.live.routed_deliveries import RoutedDeliveries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from concurrent.futures import Executor

    from eventstore.frames.frame import Part
    from eventstore.frames.pushes import PushResult
    from eventstore.groups import Member
    from eventstore.hub.hub import Hub
    from eventstore.ports import Deliveries, DispatchQueue
    from eventstore.ports.instances import InstanceId
    from eventstore.streams import DurableName
    from eventstore.subscriptions import Connection, ConnectionId
    from eventstore_server.cluster import Cluster
    from eventstore_server.live_feed import LiveFeed
    from eventstore_server.partition_workers import PartitionWorkers
    from eventstore_server.sessions import Sessions

__all__ = ["InstanceQueue", "instance_deliveries"]

_LOGGER = logging.getLogger(__name__)


class InstanceQueue:
    """See `ports.DispatchQueue`.

    Args:
        hub: Handles what is sent.
        cluster: Knows which instance has a partition.
        workers: Take the turns of this instance's partitions.
        feed: Takes those of its ephemeral subscriptions.
        threads: Handle what needs no turn.
        functions: The queue of the function `dispatch`, if that takes the turns of partitions; None if instances do.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        cluster: Cluster,
        workers: PartitionWorkers,
        feed: LiveFeed,
        threads: Executor,
        functions: DispatchQueue | None = None,
    ) -> None:
        self._hub = hub
        self._cluster = cluster
        self._workers = workers
        self._feed = feed
        self._threads = threads
        self._functions = functions

    def request_turns(self, partitions: Iterable[int]) -> None:
        """See `DispatchQueue.request_turns`."""
        wanted = list(partitions)
        self._feed.request_turns(wanted)
        if self._functions is not None:
            self._functions.request_turns(wanted)
            return
        self._workers.request_turns(wanted)
        self._cluster.request_turns(set(wanted) - self._workers.owned)

    def requested(self, partitions: Iterable[int]) -> None:
        """Take turns, or have them taken, that another process requested of this instance."""
        (self._functions or self._workers).request_turns(partitions)

    def request_turn_later(self, partition: int, *, seconds: float) -> None:
        """See `DispatchQueue.request_turn_later`."""
        self._workers.request_turn_later(partition, seconds=seconds)

    def connection_closed(self, connection: ConnectionId) -> None:
        """See `DispatchQueue.connection_closed`."""
        self._submit(lambda: self._hub.members.disconnect(connection))

    def pushed(self, result: PushResult) -> None:
        """See `DispatchQueue.pushed`."""
        self._hub.push_results.enqueue(result)
        self.request_turns([result.partition])

    def close_connection(self, connection: Connection) -> None:
        """See `DispatchQueue.close_connection`."""
        self._submit(lambda: self._hub.closing_connections.close(connection))

    def subscription_deleted(self, name: DurableName, members: Iterable[Member]) -> None:
        """See `DispatchQueue.subscription_deleted`."""
        for member in members:
            self._submit(partial(self._hub.deletion_notices.send, member, name))

    def _submit(self, call: Callable[[], None]) -> None:
        self._threads.submit(_logged, call)


def instance_deliveries(
    sessions: Sessions,
    cluster: Cluster,
    queue: Callable[[], Deliveries] | None,
    *,
    gone: Callable[[Iterable[ConnectionId]], None],
) -> RoutedDeliveries:
    """Return the deliveries of an instance: to its own clients, to those of others, and to those of API Gateway.

    Args:
        sessions: The clients of this instance.
        cluster: Passes parts on to other instances.
        queue: Returns the queue of the function `deliver`; None if no functions share the store.
        gone: Called with the connections of an instance that is gone.
    """

    def send(instance: InstanceId, batches: Sequence[Sequence[Part]]) -> None:
        if instance == sessions.instance:
            sessions.post([part for parts in batches for part in parts])
        elif not cluster.send_parts(instance, batches):
            gone(address.connection for parts in batches for part in parts for address in part.to)

    return RoutedDeliveries(queue, send)


def _logged(call: Callable[[], None]) -> None:
    try:
        call()
    except EventstoreError as error:
        _LOGGER.warning("%s: %s", error.code, error.detail)
    except Exception:
        _LOGGER.exception("a request of the hub to itself failed")
