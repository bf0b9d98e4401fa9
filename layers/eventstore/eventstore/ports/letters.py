"""Copies of parked events, for the people and programs that handle failures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.streams import DurableName, StreamName
    from eventstore.subscriptions import SubscriptionKey

__all__ = ["DeadLetter", "DeadLetters"]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A parked event.

    Attributes:
        subscription: The name of the durable subscription.
        key: The key of that subscription.
        stream: The parked stream.
        sequence: The event's sequence in that stream.
        event: The event in the CloudEvents JSON format.
        attempts: How often delivery was attempted; 0 for events that were parked behind a failed one.
        errors: The reasons for which the attempts failed, oldest first.
        since: When the stream was parked (RFC 3339).
    """

    subscription: DurableName
    key: SubscriptionKey
    stream: StreamName
    sequence: int
    event: str
    attempts: int
    errors: tuple[str, ...]
    since: str


class DeadLetters(Protocol):
    """A queue of dead letters. Letters of one subscription and stream keep their order."""

    def send(self, letters: Sequence[DeadLetter]) -> None:
        """Add letters to the queue, in their order. A letter that is sent twice within five minutes is kept once.

        Raises:
            QueueUnavailable: Not all letters were sent. The sent letters of each stream precede the unsent ones.
        """

    def discard(self, key: SubscriptionKey, *streams: StreamName) -> int:
        """Remove the letters of a subscription's streams from the queue, as far as the queue returns them.

        Args:
            key: The key of the subscription.
            *streams: The names of the streams.

        Returns:
            The number of letters removed.

        Raises:
            QueueUnavailable: The queue does not answer. Some letters may have been removed.
        """
