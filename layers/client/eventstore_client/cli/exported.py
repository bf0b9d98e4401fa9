"""Restoring exported events: removing the attributes that a hub added to them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from eventstore.cloudevents.json_text import members

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.cloudevents.json_text import Member

__all__ = ["as_published"]

_PREFIX = "hub"
"""The prefix of all extensions that a hub adds."""

_MARK = '"hubsequence"'


def as_published(text: str) -> tuple[str, str | None]:
    """Return the event as it was published, without the hub's attributes, and the stream that it was exported from.

    An event that no hub exported is returned unchanged, with None for the stream. Only a hub adds both `hubstream` and
    `hubsequence`. Other extensions whose name begins with `hub` are mistakes of the publisher, and remain.

    Args:
        text: The event in the CloudEvents JSON format. The remaining members keep their text.

    Raises:
        Malformed: The text is not a JSON object.
    """
    if _MARK not in text:
        return text, None
    event = members(text)
    stream = event["hubstream"].value if "hubstream" in event else None
    if not isinstance(stream, str) or "hubsequence" not in event:
        return text, None
    return _to_json({name: member for name, member in event.items() if not name.startswith(_PREFIX)}), stream


def _to_json(event: Mapping[str, Member]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}:{member.text}" for name, member in event.items()) + "}"
