"""Restoring exported events: removing the attributes that a hub added to them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from eventstore.cloudevents.json_text import members

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.cloudevents.json_text import Member

__all__ = ["Place", "as_published"]

_PREFIX = "hub"
"""The prefix of all extensions that a hub adds."""

_MARK = '"hubsequence"'
_NUMBER = re.compile("[1-9][0-9]{0,18}")


class Place(NamedTuple):
    """Where an event was stored in the hub that exported it; the sequence is 0 if it is not one."""

    stream: str
    sequence: int


def as_published(text: str) -> tuple[str, Place | None]:
    """Return the event as it was published, without the hub's attributes, and the place that it was exported from.

    An event that no hub exported is returned unchanged, with None for the place. Only a hub adds both `hubstream` and
    `hubsequence`. Other extensions whose name begins with `hub` are mistakes of the publisher, and remain.

    Args:
        text: The event in the CloudEvents JSON format. The remaining members keep their text.

    Raises:
        Malformed: The text is not a JSON object.
    """
    if _MARK not in text:
        return text, None
    event = members(text)
    stream, sequence = (event[name].value if name in event else None for name in ("hubstream", "hubsequence"))
    if not isinstance(stream, str) or sequence is None:
        return text, None
    published = _to_json({name: member for name, member in event.items() if not name.startswith(_PREFIX)})
    return published, Place(stream, int(sequence) if isinstance(sequence, str) and _NUMBER.fullmatch(sequence) else 0)


def _to_json(event: Mapping[str, Member]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}:{member.text}" for name, member in event.items()) + "}"
