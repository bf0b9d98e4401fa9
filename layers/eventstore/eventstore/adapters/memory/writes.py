"""Appending, deleting, and removing what is no longer kept: each changes all parts of a partition in one step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.adapters.memory.removals import Removal
from eventstore.adapters.memory.streams import Stream
from eventstore.cloudevents.digest import equal_content
from eventstore.errors import EventConflict, StreamGone, WrongExpectedVersion
from eventstore.ports import Appended, Deleted
from eventstore.streams import version_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.memory.partitions import Partition
    from eventstore.cloudevents.event import Event
    from eventstore.positions import Epoch
    from eventstore.streams import Condition, Expected, StreamName

__all__ = ["append", "delete", "retain", "trim"]


def append(
    partition: Partition, name: StreamName, events: Sequence[Event], *, expected: Expected, now: int
) -> Appended:
    """See `Log.append`. Nothing is changed before all checks are passed."""
    stream = partition.streams.get(name) or Stream(name, created=now)
    if stream.gone:
        raise StreamGone(name)
    fresh: dict[int, Event] = {}
    sequences: dict[bytes, int] = {}
    duplicates = set()
    for index, event in enumerate(events):
        stored = stream.find(event.key)
        sequence = stored.sequence if stored else sequences.get(event.key)
        if sequence is None:
            sequence = stream.head + len(fresh) + 1
            fresh[sequence] = event
        elif not equal_content(event.digest, (stored.event if stored else fresh[sequence]).digest):
            raise EventConflict(name, index=index, source=event.source, event_id=event.id, sequence=sequence)
        else:
            duplicates.add(index)
        sequences[event.key] = sequence
    needs_wakeup = False
    if fresh:
        _require_expected(stream, expected, partition.epoch)
        partition.streams[name] = stream
        stream.add(fresh, partition.add_entry(name, stream.head + 1, stream.head + len(fresh), now=now))
        retain(partition, stream, now=now)
        needs_wakeup = partition.claim_wakeup()
    in_order = [sequences[event.key] for event in events]
    return Appended(name, in_order, frozenset(duplicates), partition.number, needs_wakeup)


def delete(
    partition: Partition, name: StreamName, *, permanently: bool, conditions: Sequence[Condition], now: int
) -> Deleted:
    """See `Log.delete`."""
    stream = partition.stream(name)
    _require_conditions(stream, conditions, partition.epoch)
    if not stream.kept and not permanently:
        return Deleted(partition.number, needs_wakeup=False)
    removals = _removals(partition, stream, until=stream.head)
    if stream.deletion:
        partition.entries.remove(stream.deletion)
    stream.deletion = partition.add_entry(name, 0, 0, now=now)
    if permanently:
        stream.gone = True
        removals.append(Removal(stream.deletion, 0, 0))
    partition.removals.record(removals)
    stream.deleted = stream.head
    stream.hide(stream.head + 1)
    return Deleted(partition.number, needs_wakeup=partition.claim_wakeup())


def retain(partition: Partition, stream: Stream, *, now: int) -> None:
    """Trim a stream if there are events that its retention no longer keeps."""
    if _first_retained(stream, now=now) > stream.first:
        trim(partition, stream, now=now)


def trim(partition: Partition, stream: Stream, *, now: int) -> int:
    """See `Log.trim`."""
    first = _first_retained(stream, now=now)
    if first > stream.first:
        partition.removals.record(_removals(partition, stream, until=first - 1))
        stream.hide(first)
    removed = stream.sweep()
    dispatched = stream.deletion is not None and stream.deletion.end <= partition.dispatch.checkpoint
    if dispatched:
        stream.deletion = None
    if removed or dispatched:
        # What is left of the stream in the log: entries with events, and a deletion that waits for its turn.
        partition.entries = [
            entry
            for entry in partition.entries
            if entry.stream != stream.name or entry.last >= stream.first or entry is stream.deletion
        ]
    return removed


def _first_retained(stream: Stream, *, now: int) -> int:
    """Return the sequence of the first event that retention keeps. Nobody subscribes, so none waits for dispatch."""
    retention = stream.config.retention
    lowest = 0 if retention.max_events is None else stream.head - retention.max_events + 1
    oldest = 0 if retention.max_age is None else now - retention.max_age * 1000
    for sequence in stream.kept:
        stored = stream.events[sequence]
        if sequence >= lowest and stored.entry.time >= oldest:
            return sequence
    return stream.head + 1


def _removals(partition: Partition, stream: Stream, *, until: int) -> list[Removal]:
    """Return the removal of the events that readers see up to a sequence, entry by entry."""
    return [
        Removal(entry, max(entry.first, stream.first), min(entry.last, until))
        for entry in partition.entries
        if entry.stream == stream.name and entry.last >= stream.first and entry.first <= until
    ]


def _require_expected(stream: Stream, expected: Expected, epoch: Epoch) -> None:
    """Raise `WrongExpectedVersion` unless a stream ends where the caller of `append` believes."""
    if expected.version is None:
        return
    is_met = expected.tag == version_of(stream.state, epoch) if expected.tag else expected.version == stream.head
    if not is_met:
        raise WrongExpectedVersion(stream.name, expected=expected.version, actual=stream.head)


def _require_conditions(stream: Stream, conditions: Sequence[Condition], epoch: Epoch) -> None:
    """Raise `WrongExpectedVersion` unless all conditions on the version of a stream are true."""
    versions = {"*", str(stream.head), version_of(stream.state, epoch)}
    for condition in conditions:
        if versions.isdisjoint(condition.versions) != condition.negated:
            expected = condition.head if len(conditions) == 1 else None
            raise WrongExpectedVersion(stream.name, expected=expected, actual=stream.head)
