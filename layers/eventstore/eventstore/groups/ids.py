"""The ids of connections and subscriptions as types, so that one is never passed for another.

`subscriptions` exports them for all that is not part of a group.
"""

from __future__ import annotations

from typing import NewType

__all__ = ["ConnectionId", "SubscriptionId", "SubscriptionKey"]

ConnectionId = NewType("ConnectionId", str)
"""The id that API Gateway assigned to a client's connection."""

SubscriptionId = NewType("SubscriptionId", str)
"""The id that a client chose for a subscription, ephemeral or durable. Another connection may use the same id."""

SubscriptionKey = NewType("SubscriptionKey", str)
"""The key that the hub drew for a subscription, ephemeral or durable. It is never reused."""
