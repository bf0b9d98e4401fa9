"""Frames, the messages of a subscription, and deliveries, which carry frames to the function that posts them.

A delivery is text: a line of JSON that describes its parts, then the events of the parts as they are sent. Events are
spliced and never parsed, so their JSON stays as published. One part serves all subscriptions that get the same events.
"""

from __future__ import annotations

import json
from binascii import crc_hqx
from dataclasses import dataclass, replace
from itertools import accumulate, chain, pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from eventstore.subscriptions import ConnectionId, SubscriptionId

__all__ = [
    "CLOSING",
    "Address",
    "Delivery",
    "Kind",
    "Part",
    "Posting",
    "bare_messages",
    "decode_parts",
    "escape_for_sqs",
    "framed",
    "head_of",
    "postings",
    "rest_of",
    "shard_of",
]


class Kind:
    """The kinds of parts; docs/protocol.md describes the message that each becomes."""

    EVENTS = "events"
    BARE = "bare"
    AGAIN = "again"
    LIVE = "live"
    OWNED = "owned"
    RESENT = "resent"
    REVOKED = "revoked"
    TRUNCATED = "truncated"
    TEXT = "text"


CLOSING = ("close",)
"""In place of the cursors of a `TEXT` part: the connection is closed after the message. An older version of deliver
passes over it, posts the message, and leaves the connection open."""


class Address(NamedTuple):
    """A subscription that gets a part.

    Attributes:
        connection: The id of its connection.
        subscription: The id that the client chose.
        frame: The number of its frame; of a `BARE` part, of the first one.
        opened: When its connection was opened, in milliseconds since 1970, if it may not accept posts yet; 0 otherwise.
    """

    connection: ConnectionId
    subscription: SubscriptionId
    frame: int
    opened: int


@dataclass(frozen=True, slots=True)
class Part:
    """The content of a frame, or of several bare events, that all its addresses get.

    Attributes:
        kind: One of `Kind`.
        partition: The partition of the events.
        cursors: The cursor after the frame; of `BARE`, one after each event; empty for kinds without a cursor, or
            `CLOSING`.
        texts: By kind: `EVENTS` and `RESENT`, the JSON array of events; `OWNED`, the members with the rules; `AGAIN`,
            the members that describe the attempt, and the array of events, which is empty once the stream has caught
            up; `BARE`, each event; `TRUNCATED`, the members that report what is missing; `TEXT`, the message.
        to: The subscriptions that get it.
        events: The text of each event in the array of `texts`. It is not encoded: parts from a queue have none.
    """

    kind: str
    partition: int
    cursors: tuple[str, ...]
    texts: tuple[str, ...]
    to: tuple[Address, ...]
    events: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """About how many bytes the part adds to a delivery."""
        addresses = sum(len(address.connection) + len(address.subscription) + 32 for address in self.to)
        return sum(len(text.encode()) for text in self.texts) + sum(map(len, self.cursors)) + addresses + 64

    def to_some(self, addresses: Sequence[Address]) -> Part:
        """Return the same part for some of its addresses."""
        return replace(self, to=tuple(addresses))

    @property
    def posts(self) -> int:
        """The number of messages that the part expands to."""
        return len(self.to) * (len(self.texts) if self.kind == Kind.BARE else 1)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message to the function that posts frames.

    Attributes:
        shard: The shard of all connections in it.
        parts: The parts, in the order of posting.
    """

    shard: int
    parts: tuple[Part, ...]

    def encoded(self) -> str:
        """Return the text that `postings` reads."""
        texts = [[escape_for_sqs(text) for text in part.texts] for part in self.parts]
        heads = [
            [part.kind, part.partition, part.cursors, [len(text) for text in own], part.to]
            for part, own in zip(self.parts, texts, strict=True)
        ]
        return json.dumps(heads, separators=(",", ":")) + "\n" + "".join(chain.from_iterable(texts))


def decode_parts(encoded: str) -> Iterator[Part]:
    """Yield the parts of a delivery that was encoded, without the text of each event."""
    head, _, texts = encoded.partition("\n")
    start = 0
    for kind, partition, cursors, lengths, to in json.loads(head):
        ends = list(accumulate(lengths, initial=start))
        pieces = tuple(texts[begin:end] for begin, end in pairwise(ends))
        start = ends[-1]
        yield Part(kind, partition, tuple(cursors), pieces, tuple(Address(*address) for address in to))


class Posting(NamedTuple):
    """A message for a connection.

    Attributes:
        connection: The connection's id.
        message: The text of the message.
        opened: As in `Address`.
        closes: Whether the connection is closed after the message.
    """

    connection: ConnectionId
    message: str
    opened: int
    closes: bool = False


def shard_of(connection: ConnectionId, shards: int) -> int:
    """Return the shard of a connection. The order of frames is kept within a shard; shards do not wait for each other.

    Args:
        connection: The connection's id.
        shards: The number of shards.
    """
    return crc_hqx(connection.encode(), 0) % shards


def postings(encoded: str) -> Iterator[Posting]:
    """Yield the messages of a delivery, in the order of each connection."""
    for part in decode_parts(encoded):
        closes = part.kind == Kind.TEXT and part.cursors == CLOSING
        shared = rest_of(part.kind, part.cursors, part.texts) if part.kind not in {Kind.BARE, Kind.TEXT} else ("", "")
        for connection, subscription, frame, opened in part.to:
            if part.kind == Kind.BARE:
                messages: Iterable[str] = bare_messages(part.partition, part.cursors, part.texts, frame)
            elif part.kind == Kind.TEXT:
                messages = part.texts
            else:
                messages = (framed(*shared, head_of(subscription, part.partition, frame)),)
            for message in messages:
                yield Posting(connection, message, opened, closes)


def framed(kind: str, rest: str, head: str) -> str:
    """Return the message of a frame from the two results of `rest_of`, and that of `head_of`."""
    return f'{{"type":"{kind}",{head}{rest}'


def bare_messages(partition: int, cursors: Sequence[str], texts: Sequence[str], first_frame: int) -> Iterator[str]:
    """Yield the messages of a `BARE` part for an address: each event, with its partition, frame and cursor."""
    for number, (text, cursor) in enumerate(zip(texts, cursors, strict=True), first_frame):
        yield f'{text[:-1]},"hubpartition":{partition},"hubframe":{number},"hubcursor":"{cursor}"}}'


def head_of(subscription: SubscriptionId, partition: int, frame: int) -> str:
    """Return the JSON members of a frame that say whose it is."""
    # Ids and cursors have no characters that JSON escapes.
    return f'"id":"{subscription}","partition":{partition},"frame":{frame}'


def rest_of(kind: str, cursors: Sequence[str], texts: Sequence[str]) -> tuple[str, str]:
    """Return what all addresses of a part have in common: the frame's `type`, and what follows `head_of`.

    Args:
        kind: The kind of the part, neither `TEXT` nor `BARE`.
        cursors: Its cursors.
        texts: Its texts.
    """
    if kind == Kind.EVENTS:
        return "events", f',"events":{texts[0]},"cursor":"{cursors[0]}"}}'
    if kind == Kind.RESENT:
        return "events", f',"attempt":2,"events":{texts[0]},"cursor":"{cursors[0]}"}}'
    if kind == Kind.AGAIN:
        return "events", f',{texts[0]},"events":{texts[1]}}}'
    if kind == Kind.REVOKED:
        return "revoked", "}"
    kind = kind if kind in {Kind.LIVE, Kind.OWNED} else Kind.TRUNCATED
    return kind, "".join(f",{text}" for text in texts) + f',"cursor":"{cursors[0]}"}}'


def escape_for_sqs(text: str) -> str:
    """Return JSON text in which characters that SQS does not accept are escaped."""
    # The only characters that are valid in JSON and invalid in SQS messages (Amazon SQS API Reference, SendMessage).
    if "\ufffe" not in text and "\uffff" not in text:
        return text
    return text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
