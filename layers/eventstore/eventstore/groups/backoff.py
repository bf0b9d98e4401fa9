"""The pause between two attempts of an event, where a nack names none."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eventstore.groups.ids import SubscriptionKey
    from eventstore.streams import StreamName

__all__ = ["pause_ms"]

_FIRST_PAUSE_MS, _LONGEST_PAUSE_MS = 1000, 60_000


def pause_ms(key: SubscriptionKey, stream: StreamName, sequence: int, attempt: int) -> int:
    """Return the pause before the next attempt, in milliseconds.

    It is 1, 2, 4 … 60 seconds, multiplied by 0.5 to 1.5. That factor is derived from what failed, so that a retry of
    the turn computes the same pause.

    Args:
        key: The key of the durable subscription.
        stream: The stream of the event that failed.
        sequence: The sequence of that event.
        attempt: How many attempts have failed.
    """
    pause = min(_FIRST_PAUSE_MS << (attempt - 1), _LONGEST_PAUSE_MS)
    drawn = blake2b(f"{key}\0{stream}\0{sequence}\0{attempt}".encode(), digest_size=2).digest()
    return pause // 2 + pause * int.from_bytes(drawn) // 0xFFFF
