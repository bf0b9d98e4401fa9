"""How long a stream keeps its events, and its other settings. `Log.trim` removes what is not kept any more."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.streams.origin import Origin

__all__ = ["Retention", "StreamConfig"]


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a stream keeps its events; None is no limit.

    Attributes:
        max_age: The maximum age of an event, in seconds since it was stored.
        max_events: The maximum number of events; the newest are kept.
    """

    max_age: int | None = None
    max_events: int | None = None


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """The settings of a stream.

    Attributes:
        retention: How long it keeps its events.
        labels: Key-value pairs of its owner; the hub does not interpret them.
        forked_from: Where a fork comes from; None for every other stream. Changes of the settings keep it.
    """

    retention: Retention = Retention()
    labels: Mapping[str, str] = field(default_factory=dict)
    forked_from: Origin | None = None
