"""The schemas of messages: those of the hub's, from their types, and those that messages share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from functions.rest.asyncapi.answers import ANSWERS, FRAMES
from functions.rest.asyncapi.bare import HUB_EVENTS
from functions.rest.openapi.derived import derived
from functions.rest.openapi.events import EVENT_SCHEMAS
from functions.rest.openapi.filters import FILTER_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PAYLOADS", "SCHEMAS"]

_MESSAGES = {**ANSWERS, **FRAMES, **HUB_EVENTS}
# The hub may add members to what it sends: clients ignore those that they do not know.
_DERIVED = derived([message.payload for message in _MESSAGES.values()], closed=False)

PAYLOADS: Mapping[str, Mapping[str, Any]] = {
    name: _DERIVED.pop(message.payload.__name__) for name, message in _MESSAGES.items()
}
"""By the names of messages."""

SCHEMAS: dict[str, Any] = {**_DERIVED, **EVENT_SCHEMAS, "Filter": FILTER_SCHEMA}
"""By the names that references have."""
