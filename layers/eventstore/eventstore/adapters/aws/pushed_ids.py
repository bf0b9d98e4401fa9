"""The ids of pushed events, in the terms of SQS."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eventstore.frames.pushes import PushedEvent

__all__ = ["deduplication_id", "group_id", "message_id", "sequence_number", "stored_ms"]

_ID_LENGTH = 128
"""The most characters of a group or deduplication id (Amazon SQS API Reference, SendMessage)."""

_EPOCH = datetime.fromtimestamp(0, UTC)

# The hub's extensions are the last members of an event, and `hubtime` is the last of these.
_HUBTIME = re.compile(r'"hubtime":"([0-9T:.Z-]+)"\}\Z')


def message_id(event: PushedEvent) -> str:
    """Return the stream and the sequence of an event as one id. Names of streams have no slash."""
    return f"{event.stream}/{event.sequence}"


def sequence_number(event: PushedEvent) -> str:
    """Return the sequence with as many digits as SQS has, so that sequence numbers can be compared as texts."""
    return f"{event.sequence:020}"


def group_id(event: PushedEvent) -> str:
    """Return the message group of the stream: its name, or a digest of a name that is too long."""
    return _fitting(event.stream)


def deduplication_id(event: PushedEvent) -> str:
    """Return an id that each push of the event has, and no other event.

    It includes when the event was stored: a stream that was deleted and created again has the same sequences again.
    """
    return _fitting(f"{message_id(event)}/{stored_ms(event)}")


def stored_ms(event: PushedEvent) -> int:
    """Return when the hub stored an event (`hubtime`), in milliseconds since 1970; 0 if the text does not say."""
    match = _HUBTIME.search(event.text[-64:])
    return (datetime.fromisoformat(match[1]) - _EPOCH) // timedelta(milliseconds=1) if match else 0


def _fitting(text: str) -> str:
    # Digests have no slash, so they are never the deduplication id of another event.
    return text if len(text) <= _ID_LENGTH else blake2b(text.encode(), digest_size=20).hexdigest()
