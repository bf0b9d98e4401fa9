"""Events that a durable subscription could not handle, for people and programs that look after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DeadLetter", "DeadLetters"]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A parked event.

    Attributes:
        subscription: The durable subscription's name.
        key: Its key.
        stream: The stream that is parked.
        sequence: The event's.
        event: In the CloudEvents JSON format.
        attempts: How often it was tried; 0 of those that only follow the one that failed.
        errors: Why it failed.
        since: When the stream was parked (RFC 3339).
    """

    subscription: str
    key: str
    stream: str
    sequence: int
    event: str
    attempts: int
    errors: tuple[str, ...]
    since: str


class DeadLetters(Protocol):
    """A queue that keeps the order of each subscription's streams."""

    def send(self, letters: Sequence[DeadLetter]) -> None:
        """Keep all of them; one that was sent before, and is sent again within five minutes, is kept once.

        Raises:
            QueueUnavailable: Not all could be sent. Of each stream, what was sent is what comes first.
        """

    def discard(self, key: str, *streams: str) -> int:
        """Remove the letters of a subscription's streams, by its key, as far as they are found; how many were."""
