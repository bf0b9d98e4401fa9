"""When two events are the same: attribute for attribute, and data number for number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.transcripts.transcript import Json

__all__ = ["Key", "Where", "key", "published_part", "same", "where"]

Key = tuple[str, str]
"""Source and id."""
Where = tuple[str, int]
"""Stream and sequence."""


def key(event: Json) -> Key:
    """What an event is known by."""
    return event["source"], event["id"]


def where(event: Json) -> Where:
    """Where a recorded event stands."""
    return event["hubstream"], int(event["hubsequence"])


def published_part(event: Json) -> Json:
    """An event without what the hub adds; an attribute that is null is not there (CloudEvents JSON format, 2.2)."""
    return {name: value for name, value in event.items() if not name.startswith("hub") and value is not None}


def same(one: Any, other: Any) -> bool:  # noqa: ANN401 - JSON values
    """Whether two JSON values are the same: 1 is 1.0, and neither is true."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)
