"""What each backend promises: the table of docs/backends.md, which the hub publishes, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.hub.settings import Settings

__all__ = ["CAPABILITIES", "PROMISES", "WITH_SETTING", "capabilities_of"]

PROMISES: Mapping[str, str] = {
    "ordered": "The events of a stream have an order, and a partition one sequence of appends.",
    "conditional": "A publish can name the version that a stream must have.",
    "once": "An event that is sent again is stored once.",
    "replayable": "A cursor continues where it was, with no gap.",
    "outlives_cache": "Events, cursors, and durable subscriptions outlive the loss of the cache.",
    "erases": "Events that were deleted are erased, not only hidden.",
    "shared": "Other programs can read the events from the backend itself, by a documented format.",
}
"""What a backend may promise, by the name under which `GET /api/v1/stats` has it."""

CAPABILITIES: Mapping[str, Mapping[str, bool]] = {
    name: dict.fromkeys(PROMISES, True) | dict.fromkeys(missing, False)
    for name, missing in {
        "redis": ("outlives_cache", "shared"),
        "nats": ("erases", "shared"),
        "kafka": ("erases", "shared"),
    }.items()
}
"""Whether each backend keeps each promise. That of `redis` outlives what its own persistence outlives."""

WITH_SETTING: Mapping[tuple[str, str], str] = {("kafka", "shared"): "KAFKA_EVENTS_TOPIC"}
"""Promises that a backend keeps if a setting asks for it: the setting, by the names of backend and promise."""


def capabilities_of(settings: Settings) -> Mapping[str, bool]:
    """Return whether the backend of a deployment keeps each promise."""
    kept = CAPABILITIES[settings.backend]
    return {**kept, "shared": True} if settings.kafka_events_topic else kept
