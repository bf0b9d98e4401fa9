"""Events that a hub wrote out, as they were published to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from eventstore.cloudevents.json_text import members

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.cloudevents.json_text import Member

__all__ = ["as_published"]

_OURS = "hub"
"""What the names of all extensions begin with that a hub adds."""

_MARK = '"hubsequence"'


def as_published(text: str) -> tuple[str, str | None]:
    """The event without what a hub added to it, and the stream from which the hub wrote it out.

    An event of another origin is returned as it is, with None for the stream. Only a hub gives an event a stream and a
    sequence; an extension whose name begins with `hub`, without these two, is a publisher's mistake, and stays.

    Args:
        text: In the CloudEvents JSON format. What remains of it remains to the letter.

    Raises:
        Malformed: It is no JSON object.
    """
    if _MARK not in text:
        return text, None
    found = members(text)
    stream = found["hubstream"].value if "hubstream" in found else None
    if not isinstance(stream, str) or "hubsequence" not in found:
        return text, None
    return _written({name: member for name, member in found.items() if not name.startswith(_OURS)}), stream


def _written(found: Mapping[str, Member]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}:{member.text}" for name, member in found.items()) + "}"
