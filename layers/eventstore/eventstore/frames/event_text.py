"""The text of an event in a frame, which has a size limit."""

from __future__ import annotations

import json
import re
from hashlib import blake2b
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from eventstore.cloudevents import attributes_of
from eventstore.frames.frame import escape_for_sqs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.cloudevents.event import AttributeValue, RecordedEvent

__all__ = ["Text", "event_text"]

Text = tuple[str, int]
"""The text of an event, and its length in bytes."""

_LONGEST = 1024
"""The number of characters that a required attribute keeps in an event whose attributes are too large for a frame."""


def event_text(event: RecordedEvent, *, most: int, events_url: str) -> Text:
    """Return the text of an event as it is sent.

    An event that is too large is sent without its data, and with a `dataref` to it.

    Args:
        event: The event.
        most: The most bytes of the text.
        events_url: The URL under which single events are read.
    """
    plain, size = event.text_and_size()
    # Escaping makes the text longer, so it is done before the size is checked.
    text = escape_for_sqs(plain)
    if text is not plain:
        size = len(text.encode())
    if size <= most:
        return text, size
    attributes = attributes_of(event.body)
    query = urlencode({"source": attributes["source"], "stream": event.stream})
    dataref = f"{events_url}/{quote(str(attributes['id']), safe='')}?{query}"
    text = _encode({**attributes, "dataref": dataref, **event.extensions()})
    if (size := len(text.encode())) <= most:
        return text, size
    # The event was stored before the size of attributes was limited (`write.limits`).
    required = {name: _shorten(str(attributes[name])) for name in ("specversion", "id", "source", "type")}
    dataref = f"{events_url.removesuffix('/events')}/streams/{event.stream}/events?from={event.sequence}&limit=1"
    text = _encode({**required, "dataref": dataref, **event.extensions()})
    return text, len(text.encode())


def _encode(attributes: Mapping[str, AttributeValue]) -> str:
    return json.dumps(attributes, separators=(",", ":"), ensure_ascii=False)


def _shorten(value: str) -> str:
    """Return a value, or its beginning and a digest if it is too long.

    Different values stay different, and a URI reference stays one.
    """
    if len(value) <= _LONGEST:
        return value
    beginning = re.sub(r"%[0-9A-Fa-f]?$|#.*", "", value[:_LONGEST])
    return f"{beginning}~{blake2b(value.encode(), digest_size=16).hexdigest()}"
