"""From events and those who get them to deliveries."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from eventstore.cloudevents import attributes_of
from eventstore.frames.frame import Address, Delivery, Kind, Part, escape_for_sqs, shard_of
from eventstore.positions import Cursor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from eventstore.cloudevents.event import AttributeValue, RecordedEvent
    from eventstore.positions import Position
    from eventstore.subscriptions import Subscription

__all__ = ["DeliveryBuilder", "FrameLimits", "PositionedEvent", "missing_json", "note"]


@dataclass(frozen=True, slots=True)
class FrameLimits:
    """How frames and deliveries are cut.

    Attributes:
        events: The most of a frame.
        event_bytes: The most that the events of a frame have together. API Gateway takes 128 KiB a message.
        addresses: The most of a part.
        delivery_bytes: The most of a delivery. SQS takes 256 KiB wherever nobody raised it.
        posts: The most messages that a delivery is to become, so that posting it ends well within its function's time.
            Who gets bare events gets one for each.
        shards: Over how many groups connections are spread.
    """

    events: int = 100
    event_bytes: int = 96 * 1024
    addresses: int = 500
    delivery_bytes: int = 240 * 1024
    posts: int = 1000
    shards: int = 16


@dataclass(frozen=True, slots=True)
class PositionedEvent:
    """An event at its place in the partition's log."""

    position: Position
    event: RecordedEvent


@dataclass(slots=True)
class DeliveryBuilder:
    """What a turn sends, gathered.

    Args:
        partition: The turn's.
        epoch: The partition's.
        events_url: Where single events are read; `dataref` points there.
    """

    partition: int
    epoch: str
    limits: FrameLimits
    events_url: str
    _parts: dict[int, list[Part]] = field(default_factory=dict)
    _texts: dict[Position, str] = field(default_factory=dict)

    def add_events(
        self, events: Sequence[PositionedEvent], to: Sequence[tuple[Subscription, int]], *, bare: bool
    ) -> int:
        """Send the same events to subscriptions, each with the number of its first frame; how many frames it took."""
        taken = 0
        for chunk in self._chunks(events):
            cursors = [self._cursor(placed.position) for placed in (chunk if bare else chunk[-1:])]
            if bare:
                self._add(Kind.BARE, cursors, [self._text(placed) for placed in chunk], to, taken)
            else:
                self._add(Kind.EVENTS, cursors, [self._array(chunk)], to, taken)
            taken += len(chunk) if bare else 1
        return taken

    def add_live(self, position: Position, to: Sequence[tuple[Subscription, int]]) -> None:
        """Tell subscriptions that they have caught up."""
        self._add(Kind.LIVE, [self._cursor(position)], [], to, 0)

    def add_owned(self, position: Position, to: Address, *, ack_deadline: int) -> None:
        """Tell a member of a group that it owns the partition from a place on, with a deadline in milliseconds."""
        rules = f'"ack_deadline":{ack_deadline / 1000:g}'
        self._add_one(Part(Kind.OWNED, self.partition, (self._cursor(position, to.frame),), (rules,), (to,)))

    def add_revoked(self, to: Address) -> None:
        """Tell a member of a group that the partition is to go to another one."""
        self._add_one(Part(Kind.REVOKED, self.partition, (), (), (to,)))

    def add_text(self, text: str, to: Address) -> None:
        """Tell a connection something that is no frame and has no number."""
        self._add_one(Part(Kind.TEXT, self.partition, (), (text,), (to,)))

    def add_missing(self, members: str, position: Position, to: Address) -> None:
        """Tell a member of a group what was removed before the group came to it."""
        self._add_one(Part(Kind.TRUNCATED, self.partition, (self._cursor(position, to.frame),), (members,), (to,)))

    def add_to_member(self, events: Sequence[PositionedEvent], to: Address, *, resent: bool) -> Sequence[int]:
        """Send events to a member of a group, in frames from the address's number on; how many events each holds."""
        kind = Kind.RESENT if resent else Kind.EVENTS
        chunks = list(self._chunks(events))
        for number, chunk in enumerate(chunks, to.frame):
            cursors, texts = (self._cursor(chunk[-1].position, number),), (self._array(chunk),)
            self._add_one(Part(kind, self.partition, cursors, texts, (to._replace(frame=number),)))
        return [len(chunk) for chunk in chunks]

    def in_one_frame(self, events: Sequence[PositionedEvent]) -> int:
        """How many of the events in the lead go into one frame."""
        return len(next(self._chunks(events), ()))

    def add_again(
        self, events: Sequence[PositionedEvent], attempt: int, to: Address, *, reason: str | None = None
    ) -> None:
        """Send events of one held stream, as many as one frame takes, and why the first comes again.

        One frame and no more: each frame that names the stream ends the dropping of what follows an event that failed.
        """
        about = {"stream": events[0].event.stream, "attempt": attempt} | ({"reason": reason} if reason else {})
        texts = (json.dumps(about)[1:-1], self._array(events))
        self._add_one(Part(Kind.AGAIN, self.partition, (), texts, (to,)))

    def add_caught_up(self, stream: str, to: Address) -> None:
        """Tell a member of a group that a stream that was held comes with all others from here on."""
        self._add_one(Part(Kind.AGAIN, self.partition, (), (json.dumps({"stream": stream})[1:-1], "[]"), (to,)))

    def add_truncated(self, members: str, position: Position, to: Sequence[tuple[Subscription, int]]) -> None:
        """Tell subscriptions what was removed before they came to it; `members` as `missing_json` gives them."""
        told = [one for one in to if not one[0].bare]
        cursor = self._cursor(position)
        if told:
            self._add(Kind.TRUNCATED, [cursor], [members], told, 0)
        if bare := [one for one in to if one[0].bare]:
            self._add(Kind.BARE, [cursor], [hub_event("truncated", f"{{{members}}}", cursor)], bare, 0)

    def deliveries(self) -> list[Delivery]:
        """All that was added, in the order of adding within a shard."""
        packed = []
        for shard, parts in self._parts.items():
            batch: list[Part] = []
            size = posts = 0
            for part in parts:
                # Asked for once: it encodes all of the part's texts.
                added = part.size
                if batch and (size + added > self.limits.delivery_bytes or posts + part.posts > self.limits.posts):
                    packed.append(Delivery(shard, tuple(batch)))
                    batch, size, posts = [], 0, 0
                batch.append(part)
                size += added
                posts += part.posts
            packed.append(Delivery(shard, tuple(batch)))
        return packed

    def _chunks(self, events: Sequence[PositionedEvent]) -> Iterator[Sequence[PositionedEvent]]:
        chunk: list[PositionedEvent] = []
        size = 0
        for placed in events:
            length = len(self._text(placed).encode())
            if chunk and (len(chunk) == self.limits.events or size + length > self.limits.event_bytes):
                yield chunk
                chunk, size = [], 0
            chunk.append(placed)
            size += length
        if chunk:
            yield chunk

    def _add(
        self,
        kind: str,
        cursors: Sequence[str],
        texts: Sequence[str],
        to: Sequence[tuple[Subscription, int]],
        ahead: int,
    ) -> None:
        by_shard: dict[int, list[Address]] = {}
        for one, frame in to:
            address = Address(one.connection, one.id, frame + ahead, one.opened)
            by_shard.setdefault(shard_of(one.connection, self.limits.shards), []).append(address)
        most = min(self.limits.addresses, self.limits.posts)
        if kind == Kind.BARE:
            most = max(1, min(most, self.limits.posts // len(texts)))
        for shard, addresses in by_shard.items():
            parts = self._parts.setdefault(shard, [])
            for start in range(0, len(addresses), most):
                some = tuple(addresses[start : start + most])
                parts.append(Part(kind, self.partition, tuple(cursors), tuple(texts), some))

    def _add_one(self, part: Part) -> None:
        shard = shard_of(part.to[0].connection, self.limits.shards)
        self._parts.setdefault(shard, []).append(part)

    def _array(self, chunk: Sequence[PositionedEvent]) -> str:
        return f"[{','.join(self._text(placed) for placed in chunk)}]"

    def _text(self, placed: PositionedEvent) -> str:
        """An event as it is sent, never larger than the events of a frame may be together."""
        text = self._texts.get(placed.position)
        if text is None:
            # What a queue does not take is written another way, which is longer.
            text = escape_for_sqs(placed.event.encoded().decode())
            if not self._fits(text):
                text = self._referred(placed.event)
            self._texts[placed.position] = text
        return text

    def _fits(self, text: str) -> bool:
        return len(text.encode()) <= self.limits.event_bytes

    def _referred(self, event: RecordedEvent) -> str:
        """The event without its data, which is too large for a frame, and where that is to be read."""
        attributes = attributes_of(event.body)
        query = urlencode({"source": attributes["source"], "stream": event.stream})
        dataref = f"{self.events_url}/{quote(str(attributes['id']), safe='')}?{query}"
        text = _encoded({**attributes, "dataref": dataref, **event.extensions()})
        if not self._fits(text):
            # It was stored before attributes had a limit (`store.Limits`).
            required = {name: _shortened(str(attributes[name])) for name in ("specversion", "id", "source", "type")}
            dataref = f"{self.events_url.removesuffix('/events')}/streams/{event.stream}/events?from={event.sequence}"
            text = _encoded({**required, "dataref": f"{dataref}&limit=1", **event.extensions()})
        return text

    def _cursor(self, position: Position, frame: int = 0) -> str:
        frames = {self.partition: frame} if frame else {}
        return Cursor({self.partition: (self.epoch, position)}, frames=frames).token()


_LONGEST = 1024
"""Characters of a required attribute that an event keeps whose attributes alone are too large for a frame."""


def _encoded(attributes: Mapping[str, AttributeValue]) -> str:
    return json.dumps(attributes, separators=(",", ":"), ensure_ascii=False)


def _shortened(value: str) -> str:
    """The value, or its beginning and a digest of it, so that two that differ still do; a URI reference stays one."""
    if len(value) <= _LONGEST:
        return value
    beginning = re.sub(r"%[0-9A-Fa-f]?$|#.*", "", value[:_LONGEST])
    return f"{beginning}~{blake2b(value.encode(), digest_size=16).hexdigest()}"


def note(text: str, to: Address) -> Delivery:
    """One message, which is no frame, for one connection: behind all that was sent to it before, it gets the text."""
    return Delivery(shard_of(to.connection, FrameLimits().shards), (Part(Kind.TEXT, 0, (), (text,), (to,)),))


def missing_json(ranges: Sequence[tuple[str, int, int]], *, complete: bool, gone: Sequence[str] = ()) -> str:
    """The members, in JSON, that tell a client which events are missing, and which of its streams are gone for good."""
    told = [{"stream": stream, "first": first, "last": last} for stream, first, last in ranges]
    more = "" if complete else ',"missing_more":true'
    ended = f',"gone":{json.dumps(list(gone), separators=(",", ":"))}' if gone else ""
    return f'"missing":{json.dumps(told, separators=(",", ":"))}{more}{ended}'


def hub_event(kind: str, data: str, identity: str) -> str:
    """An event of the hub's own, for clients whose frames are bare CloudEvents; `data` is JSON."""
    head = {"specversion": "1.0", "id": identity, "source": "/hub", "type": f"io.flunq.hub.{kind}"}
    return f'{json.dumps(head)[:-1]},"data":{data}}}'
