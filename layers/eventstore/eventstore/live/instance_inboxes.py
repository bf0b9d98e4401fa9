"""What functions send to instances of the server on the same store, through the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.frames.instance_messages import encode_parts, encode_turns
from eventstore.ports import LEASE_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eventstore.frames.frame import Part
    from eventstore.ports import DispatchQueue, InstanceId, Instances

__all__ = ["InstanceInboxes"]

_AFTER_LEASE_SECONDS = LEASE_MS / 1000 + 1
"""Somewhat longer than the lease of an instance that has just died."""


class InstanceInboxes:
    """Sends messages to instances.

    Args:
        instances: Returns the instances of the store, when they are first needed.
        queue: Returns the queue of work for the function `dispatch`.
    """

    def __init__(self, instances: Callable[[], Instances], queue: Callable[[], DispatchQueue]) -> None:
        self._instances = instances
        self._queue = queue

    def send_parts(self, instance: InstanceId, batches: Sequence[Sequence[Part]]) -> None:
        """Have an instance deliver parts to its clients. If it is gone, so are its clients: they are disconnected.

        Args:
            instance: The instance.
            batches: The parts, in order; each batch is a message.

        Raises:
            StoreUnavailable: The store does not answer. Messages may have been sent.
            QueueUnavailable: The clients of an instance that is gone are not disconnected.
        """
        if self._instances().send(instance, [encode_parts(parts) for parts in batches]):
            return
        connections = {address.connection: None for parts in batches for part in parts for address in part.to}
        for connection in connections:
            self._queue().connection_closed(connection)

    def request_turn(self, instance: InstanceId, partition: int) -> None:
        """Have the instance that leases a partition take a turn.

        If the instance is gone, a turn is requested for after its lease.

        Raises:
            StoreUnavailable: The store does not answer.
            QueueUnavailable: No turn is requested.
        """
        if not self._instances().send(instance, [encode_turns([partition])]):
            self._queue().request_turn_later(partition, seconds=_AFTER_LEASE_SECONDS)
