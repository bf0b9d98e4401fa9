"""Deliveries for clients of instances of the server, and for clients of API Gateway, each by its own way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eventstore.live.instance_connections import instance_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from eventstore.frames.frame import Address, Delivery, Part
    from eventstore.ports import Deliveries, InstanceId

__all__ = ["RoutedDeliveries"]


class RoutedDeliveries:
    """See `ports.Deliveries`. The parts of a connection always go the same way, so they keep their order.

    Args:
        queue: Returns where parts for clients of API Gateway go, when it is first needed; None if there are no such
            clients, and their parts are dropped.
        send_to_instance: Sends an instance parts in batches, in order. It may raise `Unavailable`.
    """

    def __init__(
        self,
        queue: Callable[[], Deliveries] | None,
        send_to_instance: Callable[[InstanceId, Sequence[Sequence[Part]]], None],
    ) -> None:
        self._queue = queue
        self._send_to_instance = send_to_instance

    def send(self, deliveries: Sequence[Delivery]) -> None:
        """See `Deliveries.send`.

        Raises:
            Unavailable: Not all parts were sent.
        """
        queued: list[Delivery] = []
        batches: dict[InstanceId, list[Sequence[Part]]] = {}
        for delivery in deliveries:
            by_holder: dict[InstanceId | None, list[Part]] = {}
            for part in delivery.parts:
                for holder, own_part in _divide(part):
                    by_holder.setdefault(holder, []).append(own_part)
            if parts := by_holder.pop(None, None):
                queued.append(replace(delivery, parts=tuple(parts)) if by_holder else delivery)
            for instance, own_parts in by_holder.items():
                if instance is not None:
                    batches.setdefault(instance, []).append(own_parts)
        for instance, own_batches in batches.items():
            self._send_to_instance(instance, own_batches)
        if queued and self._queue is not None:
            self._queue().send(queued)


def _divide(part: Part) -> Iterator[tuple[InstanceId | None, Part]]:
    """Yield the part for each holder of its connections."""
    holders: dict[InstanceId | None, list[Address]] = {}
    for address in part.to:
        holders.setdefault(instance_of(address.connection), []).append(address)
    for holder, addresses in holders.items():
        yield holder, part if len(holders) == 1 else part.to_some(addresses)
