"""Builds frames and deliveries from events and the subscriptions that receive them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eventstore.frames.event_text import event_text
from eventstore.frames.frame import Address, Delivery, Kind, Part, shard_of
from eventstore.frames.hub_messages import hub_event
from eventstore.frames.limits import FrameLimits
from eventstore.positions import Cursor, Epoch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eventstore.frames.event_text import Text
    from eventstore.frames.positioned import PositionedEvent
    from eventstore.positions import Position
    from eventstore.streams import StreamName
    from eventstore.subscriptions import Subscription

__all__ = ["DeliveryBuilder", "FrameLimits"]


@dataclass(slots=True)
class DeliveryBuilder:
    """Gathers the frames of a turn, and packs them into deliveries.

    Args:
        partition: The partition of the turn.
        epoch: The epoch of the partition.
        limits: The limits of frames and deliveries.
        events_url: The URL under which single events are read, for `dataref`.
    """

    partition: int
    epoch: Epoch
    limits: FrameLimits
    events_url: str
    _parts: dict[int, list[Part]] = field(default_factory=dict)
    _made: list[tuple[Sequence[PositionedEvent], Sequence[Text]]] = field(default_factory=list)
    _texts: dict[Position, Text] = field(default_factory=dict)

    def add_events(
        self, events: Sequence[PositionedEvent], to: Sequence[tuple[Subscription, int]], *, bare: bool
    ) -> int:
        """Add the same events for several subscriptions.

        Args:
            events: The events, in the order of the log.
            to: The subscriptions, each with the number of its first frame.
            bare: Whether each event is sent as a frame of its own, as a CloudEvent.

        Returns:
            The number of frames that each subscription gets.
        """
        count = 0
        for chunk, texts in self._chunks(events):
            cursors = [self._cursor(positioned.position) for positioned in (chunk if bare else chunk[-1:])]
            if bare:
                self._add(Kind.BARE, cursors, texts, to, count)
            else:
                self._add(Kind.EVENTS, cursors, [_array(texts)], to, count, events=texts)
            count += len(chunk) if bare else 1
        return count

    def add_live(self, position: Position, to: Sequence[tuple[Subscription, int]]) -> None:
        """Add frames that report that subscriptions have caught up.

        Args:
            position: The position up to which they have received the log.
            to: The subscriptions, each with the number of its frame.
        """
        self._add(Kind.LIVE, [self._cursor(position)], [], to, 0)

    def add_owned(self, position: Position, to: Address, *, ack_deadline_ms: int) -> None:
        """Add a frame that grants a member the partition.

        Args:
            position: The position from which on the member receives events.
            to: The member, and the number of the frame.
            ack_deadline_ms: The acknowledgement deadline, in milliseconds.
        """
        rules = f'"ack_deadline":{ack_deadline_ms / 1000:g}'
        self._add_part(Part(Kind.OWNED, self.partition, (self._cursor(position, to.frame),), (rules,), (to,)))

    def add_revoked(self, to: Address) -> None:
        """Add a frame that revokes the partition from a member."""
        self._add_part(Part(Kind.REVOKED, self.partition, (), (), (to,)))

    def add_text(self, text: str, to: Address) -> None:
        """Add a message that is not a frame and has no number.

        Args:
            text: The message, in JSON.
            to: The connection.
        """
        self._add_part(Part(Kind.TEXT, self.partition, (), (text,), (to,)))

    def add_missing(self, missing: str, position: Position, to: Address) -> None:
        """Add a frame that reports to a member what was removed before the group read it.

        Args:
            missing: The result of `missing_json`.
            position: The position of the group.
            to: The member, and the number of the frame.
        """
        self._add_part(Part(Kind.TRUNCATED, self.partition, (self._cursor(position, to.frame),), (missing,), (to,)))

    def add_to_member(self, events: Sequence[PositionedEvent], to: Address, *, resent: bool) -> Sequence[int]:
        """Add events for a member of a group, in as many frames as they need.

        Args:
            events: The events, in the order of the log.
            to: The member, and the number of the first frame.
            resent: Whether the events may have been sent before.

        Returns:
            The number of events in each frame.
        """
        kind = Kind.RESENT if resent else Kind.EVENTS
        chunks = list(self._chunks(events))
        for number, (chunk, texts) in enumerate(chunks, to.frame):
            cursor = self._cursor(chunk[-1].position, number)
            address = to._replace(frame=number)
            self._add_part(Part(kind, self.partition, (cursor,), (_array(texts),), (address,), texts))
        return [len(chunk) for chunk, _ in chunks]

    def in_one_frame(self, events: Sequence[PositionedEvent]) -> int:
        """Return how many of the first events fit into one frame."""
        chunk, _ = next(self._chunks(events[: self.limits.events]), ((), ()))
        return len(chunk)

    def add_again(
        self, events: Sequence[PositionedEvent], attempt: int, to: Address, *, reason: str | None = None
    ) -> None:
        """Add one frame with events of a held stream.

        A member ignores the events of a held stream until a frame names the stream. A second such frame would end that
        too early, so all events go into one frame.

        Args:
            events: The events, which must fit into one frame (`in_one_frame`).
            attempt: The number of the attempt.
            to: The member, and the number of the frame.
            reason: Why the first event is sent again.
        """
        head = {"stream": events[0].event.stream, "attempt": attempt} | ({"reason": reason} if reason else {})
        encoded = tuple(text for text, _ in self._texts_of(events))
        texts = (json.dumps(head)[1:-1], _array(encoded))
        self._add_part(Part(Kind.AGAIN, self.partition, (), texts, (to,), encoded))

    def add_caught_up(self, stream: StreamName, to: Address) -> None:
        """Add a frame that reports that a held stream continues with all others from here on.

        Args:
            stream: The stream's name.
            to: The member, and the number of the frame.
        """
        self._add_part(Part(Kind.AGAIN, self.partition, (), (json.dumps({"stream": stream})[1:-1], "[]"), (to,)))

    def add_truncated(self, members: str, position: Position, to: Sequence[tuple[Subscription, int]]) -> None:
        """Add frames that report to subscriptions what was removed before they received it.

        Args:
            members: The result of `missing_json`.
            position: The position after which it was removed.
            to: The subscriptions, each with the number of its frame.
        """
        framed = [(subscription, number) for subscription, number in to if not subscription.bare]
        bare = [(subscription, number) for subscription, number in to if subscription.bare]
        cursor = self._cursor(position)
        if framed:
            self._add(Kind.TRUNCATED, [cursor], [members], framed, 0)
        if bare:
            self._add(Kind.BARE, [cursor], [hub_event("truncated", f"{{{members}}}", cursor)], bare, 0)

    def parts(self) -> list[Part]:
        """Return everything that was added, in the order of adding within each shard."""
        return [part for parts in self._parts.values() for part in parts]

    def deliveries(self) -> list[Delivery]:
        """Return deliveries with everything that was added, in the order of adding within each shard."""
        deliveries = []
        for shard, parts in self._parts.items():
            batch: list[Part] = []
            size = posts = 0
            for part in parts:
                # Computed once: it encodes all texts of the part.
                part_size = part.size
                if batch and (size + part_size > self.limits.delivery_bytes or posts + part.posts > self.limits.posts):
                    deliveries.append(Delivery(shard, tuple(batch)))
                    batch, size, posts = [], 0, 0
                batch.append(part)
                size += part_size
                posts += part.posts
            deliveries.append(Delivery(shard, tuple(batch)))
        return deliveries

    def _chunks(self, events: Sequence[PositionedEvent]) -> Iterator[tuple[Sequence[PositionedEvent], tuple[str, ...]]]:
        """Yield the events of each frame, and their texts."""
        most_events, most_bytes = self.limits.events, self.limits.event_bytes
        texts = self._texts_of(events)
        first = size = 0
        for index, (_, length) in enumerate(texts):
            if index > first and (index - first == most_events or size + length > most_bytes):
                yield events[first:index], tuple([text for text, _ in texts[first:index]])
                first, size = index, 0
            size += length
        if texts:
            yield events[first:], tuple([text for text, _ in texts[first:]])

    def _add(
        self,
        kind: str,
        cursors: Sequence[str],
        texts: Sequence[str],
        to: Sequence[tuple[Subscription, int]],
        frames_before: int,
        *,
        events: Sequence[str] = (),
    ) -> None:
        by_shard: dict[int, list[Address]] = {}
        for subscription, first_frame in to:
            frame = first_frame + frames_before
            address = Address(subscription.connection, subscription.id, frame, subscription.opened)
            by_shard.setdefault(shard_of(subscription.connection, self.limits.shards), []).append(address)
        most = min(self.limits.addresses, self.limits.posts)
        if kind == Kind.BARE:
            most = max(1, min(most, self.limits.posts // len(texts)))
        for shard, addresses in by_shard.items():
            parts = self._parts.setdefault(shard, [])
            for start in range(0, len(addresses), most):
                part_addresses = tuple(addresses[start : start + most])
                parts.append(Part(kind, self.partition, tuple(cursors), tuple(texts), part_addresses, tuple(events)))

    def _add_part(self, part: Part) -> None:
        shard = shard_of(part.to[0].connection, self.limits.shards)
        self._parts.setdefault(shard, []).append(part)

    def _texts_of(self, events: Sequence[PositionedEvent]) -> Sequence[Text]:
        """Return the texts of events as they are sent, of at most `FrameLimits.event_bytes` each."""
        # Mostly, all events are added at once. Only who adds more may add one of them again.
        for others, made in self._made:
            self._texts.update(zip([positioned.position for positioned in others], made, strict=True))
        self._made.clear()
        known = self._texts
        missing = [positioned for positioned in events if positioned.position not in known] if known else events
        most, url = self.limits.event_bytes, self.events_url
        made = [event_text(positioned.event, most=most, events_url=url) for positioned in missing]
        self._made.append((missing, made))
        if missing is events:
            return made
        new = iter(made)
        return [known.get(positioned.position) or next(new) for positioned in events]

    def _cursor(self, position: Position, frame: int = 0) -> str:
        frames = {self.partition: frame} if frame else {}
        return Cursor({self.partition: (self.epoch, position)}, frames=frames).token()


def _array(events: Sequence[str]) -> str:
    return f"[{','.join(events)}]"
