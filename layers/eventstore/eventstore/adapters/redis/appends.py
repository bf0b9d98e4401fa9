"""Appending events to streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore.adapters.redis.cold import EventsRemoved
from eventstore.cloudevents import same_content
from eventstore.cloudevents.digest import DIGEST_BYTES, equal_content
from eventstore.cloudevents.event import KEY_BYTES
from eventstore.errors import EventConflict, StreamGone, WrongExpectedVersion
from eventstore.ports import Appended
from eventstore.streams import StreamName, partition_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.redis.cold import ColdEvents
    from eventstore.adapters.redis.growth import Growth
    from eventstore.adapters.redis.partitions import Partitions
    from eventstore.adapters.redis.steps import Steps
    from eventstore.adapters.redis.streams import Streams
    from eventstore.cloudevents.event import Event
    from eventstore.streams import Expected

__all__ = ["NEEDS_WAKEUP", "Appends"]

# The low bits of the answer of append.lua; the head of the stream is above them.
_FLAG_BITS = 2
_HAS_RETENTION = 1
NEEDS_WAKEUP = 2
"""The flag of an answer: the partition has something to dispatch and no wake-up outstanding."""


class Appends:
    """Appends events to the streams of a store."""

    def __init__(self, partitions: Partitions, streams: Streams, *, steps: Steps, cold: ColdEvents) -> None:
        self._cold = cold
        self._partitions = partitions
        self._streams = streams
        self._steps = steps

    def append(
        self,
        stream: StreamName,
        events: Sequence[Event],
        *,
        expected: Expected,
        growth: Growth | None = None,
    ) -> Appended:
        """See `Log.append`.

        Args:
            stream: The name of the stream.
            events: The events.
            expected: Where the caller believes the stream ends.
            growth: Takes in how the log grew; None reads nothing of it.
        """
        names = _names(events)
        bodies = [event.body for event in events]
        version = expected.tag or ("" if expected.version is None else str(expected.version))
        number = partition_of(stream, self._partitions.count)

        def answer_of(growth: Growth | None) -> Any:
            return self._steps.append(number, stream, names, bodies, expected=version, growth=growth)

        answer = answer_of(growth)
        while not isinstance(answer, int) and answer[0] == b"conflict":
            names = self._adopted(stream, events, names, bodies, answer)
            answer = answer_of(None)
        outcome, *rest = (answer,) if isinstance(answer, int) else answer
        if isinstance(outcome, int):
            if outcome & _HAS_RETENTION:
                self._streams.trim(stream)
            appended = _appended(stream, number, len(events), outcome, rest)
            if growth is not None:
                growth.appended(stream, bodies, appended)
            return appended
        if outcome == b"gone":
            raise StreamGone(stream)
        raise WrongExpectedVersion(stream, expected=expected.version or 0, actual=int(rest[0]))

    def _adopted(
        self, stream: StreamName, events: Sequence[Event], names: bytes, bodies: list[bytes], answer: Sequence[Any]
    ) -> bytes:
        """Replace the bodies of conflicting events that have the stored content by the stored bytes; raise for others.

        The script compares digests. Where it has no digest of the stored event, or one of another version, it compares
        bytes, and answers with those that are stored. With the stored bytes, the next call finds a duplicate. Of an
        event that is cold, it answers with the digest, by which the next call finds a duplicate.

        Returns:
            The keys and digests, with those of cold events.
        """
        number, count = partition_of(stream, self._partitions.count), len(events)
        for offset in range(1, len(answer), 3):
            index, sequence = int(answer[offset]) - 1, int(answer[offset + 1])
            # As it is: the body that a journal has is one that knows where it is stored.
            stored: bytes = answer[offset + 2]
            event = events[index]
            digest = b""
            if stored and not stored.startswith(b"{"):
                try:
                    digest, stored = stored, self._cold.body(number, stream, sequence)
                except EventsRemoved:
                    # So it is a new one.
                    continue
            if not (stored and same_content(stored, event.body)):
                raise EventConflict(stream, index=index, source=event.source, event_id=event.id, sequence=sequence)
            if digest:
                place = KEY_BYTES * count + DIGEST_BYTES * index
                names = names[:place] + digest + names[place + DIGEST_BYTES :]
            else:
                bodies[index] = stored
        return names


def _names(events: Sequence[Event]) -> bytes:
    """Return the keys of events and the digests of events. In one append, equal content has one digest."""
    keys, digests = [event.key for event in events], [event.digest for event in events]
    if len({*keys}) < len(keys):
        first: dict[bytes, bytes] = {}
        for index, key in enumerate(keys):
            known = first.setdefault(key, digests[index])
            if equal_content(known, digests[index]):
                digests[index] = known
    return b"".join(keys) + b"".join(digests)


def _appended(stream: StreamName, partition: int, count: int, outcome: int, duplicates: Sequence[int]) -> Appended:
    head, needs_wakeup = outcome >> _FLAG_BITS, bool(outcome & NEEDS_WAKEUP)
    if not duplicates:
        return Appended(stream, range(head + 1, head + 1 + count), frozenset(), partition, needs_wakeup)
    known = {index - 1: sequence for index, sequence in zip(*[iter(duplicates)] * 2, strict=True)}
    sequences = []
    for index in range(count):
        if index in known:
            sequences.append(known[index])
        else:
            head += 1
            sequences.append(head)
    return Appended(stream, sequences, frozenset(known), partition, needs_wakeup)
