"""The limits of frames and deliveries."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FrameLimits"]


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
        shards: The number of shards over which connections are distributed.
    """

    events: int = 100
    event_bytes: int = 96 * 1024
    addresses: int = 500
    delivery_bytes: int = 240 * 1024
    posts: int = 1000
    shards: int = 16
