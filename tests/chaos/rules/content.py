"""Content: what reads back is what was published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.chaos.violation import Violation

if TYPE_CHECKING:
    from tests.chaos.log import Event, Log

__all__ = ["check_event"]


def check_event(who: str, log: Log, received: dict[str, Any]) -> Event:
    """The event that was received, which is one that was published, as it was published."""
    stream, sequence = received["hubstream"], int(received["hubsequence"])
    event = log.find(stream, sequence)
    if event is None:
        raise Violation("received events were published", f"{who}: {stream} {sequence}", stream, who)
    same = (received["id"], received["type"]) == (event.id, event.type)
    if event.data is not None:
        same = same and received.get("data") == {"n": event.data}
    elif "data" in received:
        same = same and received["data"]["n"] == "x" * len(received["data"]["n"])
    if not same:
        raise Violation("stored content is the published content", f"{who}: {received} is {event}", stream, who)
    return event
