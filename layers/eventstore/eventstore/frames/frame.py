"""Frames: what a subscription is sent at once; and deliveries, which carry frames to the function that posts them.

A delivery is text: a line of JSON that describes its parts, then the parts' events as they are to be sent. Events are
spliced, never parsed: JSON stays what the publisher wrote. One part serves many subscriptions that get the same events.
"""

from __future__ import annotations

import json
from binascii import crc_hqx
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Address", "Delivery", "Kind", "Part", "Posting", "escape_for_sqs", "postings", "shard_of"]


class Kind:
    """What a part holds; docs/protocol.md says what becomes of each."""

    EVENTS = "events"
    BARE = "bare"
    AGAIN = "again"
    LIVE = "live"
    OWNED = "owned"
    RESENT = "resent"
    REVOKED = "revoked"
    TRUNCATED = "truncated"
    TEXT = "text"


class Address(NamedTuple):
    """A subscription that gets a part: its connection, its id, and the number of its (first) frame.

    `opened` is when its connection was made, if it may not be open yet; 0 otherwise.
    """

    connection: str
    subscription: str
    frame: int
    opened: int


@dataclass(frozen=True, slots=True)
class Part:
    """Something that all addresses get.

    Attributes:
        kind: One of `Kind`.
        partition: Where it comes from.
        cursors: Behind the whole; of a `BARE` part, behind each of its events.
        texts: Of `EVENTS` and `RESENT`, an array of them; of `OWNED`, the members that say by which rules; of `AGAIN`,
            the members that say what is tried again, and an array, which is empty once the stream has caught up; of
            `BARE`, each event by itself; of `TRUNCATED`, the members that say what is missing; of `TEXT`, the message
            itself.
        to: Who gets it.
    """

    kind: str
    partition: int
    cursors: tuple[str, ...]
    texts: tuple[str, ...]
    to: tuple[Address, ...]

    @property
    def size(self) -> int:
        """About how many bytes it adds to a delivery."""
        addresses = sum(len(address.connection) + len(address.subscription) + 32 for address in self.to)
        return sum(len(text.encode()) for text in self.texts) + sum(map(len, self.cursors)) + addresses + 64

    @property
    def posts(self) -> int:
        """How many messages it is to become."""
        return len(self.to) * (len(self.texts) if self.kind == Kind.BARE else 1)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to the function that posts: parts for connections of one shard, in order."""

    shard: int
    parts: tuple[Part, ...]

    def encoded(self) -> str:
        """What `postings` reads."""
        heads = [
            [part.kind, part.partition, part.cursors, [len(text) for text in map(escape_for_sqs, part.texts)], part.to]
            for part in self.parts
        ]
        texts = "".join(escape_for_sqs(text) for part in self.parts for text in part.texts)
        return json.dumps(heads, separators=(",", ":")) + "\n" + texts


class Posting(NamedTuple):
    """One message for one connection; `opened` as in `Address`."""

    connection: str
    message: str
    opened: int


def shard_of(connection: str, shards: int) -> int:
    """The shard of a connection: its frames keep their order, and wait for no other shard's."""
    return crc_hqx(connection.encode(), 0) % shards


def postings(encoded: str) -> Iterator[Posting]:
    """The messages that a delivery is to become, each connection's in order."""
    head, _, texts = encoded.partition("\n")
    start = 0
    for kind, partition, cursors, lengths, to in json.loads(head):
        ends = list(accumulate(lengths, initial=start))
        pieces = [texts[begin:end] for begin, end in pairwise(ends)]
        start = ends[-1]
        for connection, subscription, frame, opened in to:
            if kind == Kind.BARE:
                messages = _bare(partition, cursors, pieces, frame)
            else:
                # Ids and cursors are of characters that JSON leaves as they are.
                head = f'"id":"{subscription}","partition":{partition},"frame":{frame}'
                messages = _framed(kind, head, cursors, pieces)
            for message in messages:
                yield Posting(connection, message, opened)


def _bare(partition: int, cursors: Sequence[str], texts: Sequence[str], frame: int) -> Iterator[str]:
    for number, (text, cursor) in enumerate(zip(texts, cursors, strict=True), frame):
        yield f'{text[:-1]},"hubpartition":{partition},"hubframe":{number},"hubcursor":"{cursor}"}}'


def _framed(kind: str, head: str, cursors: Sequence[str], texts: Sequence[str]) -> Iterator[str]:
    if kind == Kind.TEXT:
        yield from texts
    elif kind == Kind.EVENTS:
        yield f'{{"type":"events",{head},"events":{texts[0]},"cursor":"{cursors[0]}"}}'
    elif kind == Kind.RESENT:
        yield f'{{"type":"events",{head},"attempt":2,"events":{texts[0]},"cursor":"{cursors[0]}"}}'
    elif kind == Kind.AGAIN:
        yield f'{{"type":"events",{head},{texts[0]},"events":{texts[1]}}}'
    elif kind in {Kind.LIVE, Kind.OWNED}:
        about = "".join(f",{text}" for text in texts)
        yield f'{{"type":"{kind}",{head}{about},"cursor":"{cursors[0]}"}}'
    elif kind == Kind.REVOKED:
        yield f'{{"type":"revoked",{head}}}'
    else:
        yield f'{{"type":"truncated",{head},{texts[0]},"cursor":"{cursors[0]}"}}'


def escape_for_sqs(text: str) -> str:
    """JSON without characters that SQS does not take."""
    # The only characters that JSON strings may hold and SQS messages may not (Amazon SQS API Reference, SendMessage).
    if "\ufffe" not in text and "\uffff" not in text:
        return text
    return text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
