"""The limits of frames and deliveries."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFAULT_SHARDS", "FrameLimits"]

DEFAULT_SHARDS = 16
"""The number of shards of a store that was made without naming another one, or before there was a choice."""


@dataclass(frozen=True, slots=True)
class FrameLimits:
    """The limits of frames and deliveries.

    Attributes:
        events: The most events of a frame.
        event_bytes: The most bytes of all events of a frame. API Gateway accepts messages of 128 KiB.
        addresses: The most addresses of a part.
        delivery_bytes: The most bytes of a delivery. SQS accepts 256 KiB unless the limit of the queue was raised.
        posts: The most messages that a delivery expands to, so that they are posted well before the timeout of the
            function. A bare subscription gets one message per event.
        shards: The number of shards over which connections are distributed: that of the store.
    """

    events: int = 100
    event_bytes: int = 96 * 1024
    addresses: int = 500
    delivery_bytes: int = 240 * 1024
    posts: int = 1000
    shards: int = DEFAULT_SHARDS
