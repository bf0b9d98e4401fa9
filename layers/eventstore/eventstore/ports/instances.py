"""The instances of the server: which are alive, and the messages that they send each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, NewType, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ALIVE_MS", "FIRST_MESSAGE", "InstanceId", "Instances", "Received"]

InstanceId = NewType("InstanceId", str)
"""The id of one process of the server. A process that starts draws a new one, so that it is never taken for another."""

ALIVE_MS = 5000
"""How long after its last heartbeat an instance counts as alive, in milliseconds."""

FIRST_MESSAGE = "0-0"
"""The place in an inbox before its first message."""


class Received(NamedTuple):
    """Messages that an instance received.

    Attributes:
        messages: The messages, in the order in which they were stored.
        after: The place after them, from which the next call continues.
        has_gap: Whether messages before these were lost: the inbox overflowed, or it expired, or another instance has
            forgotten this one. The receiver treats all that is on its way to its connections as lost.
    """

    messages: Sequence[bytes]
    after: str
    has_gap: bool


class Instances(Protocol):
    """Knows the instances that share a store, and has an inbox for each. Times are those of the clock of the store.

    Every method raises `StoreUnavailable` if the store does not answer.
    """

    def heartbeat(self, instance: InstanceId) -> Sequence[InstanceId]:
        """Record that an instance is alive, and return all instances that are, sorted; it is one of them."""

    def leave(self, instance: InstanceId) -> None:
        """Remove an instance that stops, and its inbox."""

    def dead(self) -> Sequence[InstanceId]:
        """Return the instances that stopped without `leave`, until they are forgotten, sorted.

        Somebody has to clean up behind them, and then calls `forget`.
        """

    def forget(self, instance: InstanceId) -> None:
        """Remove a dead instance, and its inbox. An instance that is alive, for example again, stays."""

    def send(self, to: InstanceId, messages: Sequence[bytes]) -> bool:
        """Append messages to the inbox of an instance. A message may come twice if the store did not answer at first.

        Args:
            to: The instance.
            messages: The messages, in order. Messages of one sender keep their order.

        Returns:
            Whether the instance has an inbox. Without one, it has left or is dead, and no message is stored.
        """

    def receive(self, instance: InstanceId, after: str, *, block_ms: int) -> Received:
        """Wait for messages to an instance, and return them. The messages up to `after` are removed.

        Args:
            instance: The instance. It gets an inbox if it has none.
            after: The `after` of the call before; `FIRST_MESSAGE` in the first call.
            block_ms: The maximum time to wait, in milliseconds; the call may return earlier without messages.
        """
