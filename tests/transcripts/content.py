"""Equality of events: by attributes, and by JSON values of data."""

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
    """The identity of an event: its source and id."""
    return event["source"], event["id"]


def where(event: Json) -> Where:
    """Stream and sequence of a recorded event."""
    return event["hubstream"], int(event["hubsequence"])


def published_part(event: Json) -> Json:
    """An event without what the hub adds; an attribute that is null is not there (CloudEvents JSON format, 2.2)."""
    return {name: value for name, value in event.items() if not name.startswith("hub") and value is not None}


def same(first: Any, second: Any) -> bool:  # noqa: ANN401 - JSON values
    """Whether two JSON values are equal: 1 equals 1.0, but not true."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same(value, second[name]) for name, value in first.items())
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same, first, second))
    return isinstance(first, bool) is isinstance(second, bool) and bool(first == second)
