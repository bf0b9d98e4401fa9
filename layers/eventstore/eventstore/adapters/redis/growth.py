"""What an append reads in its own round trip: how the log of its partition grew."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eventstore.adapters.redis.entries import end_of_entry, id_of_entry, sequence_and_time
from eventstore.adapters.redis.keys import partition_keys
from eventstore.adapters.redis.removals import REMOVALS, removals_of
from eventstore.cloudevents.event import RecordedEvent
from eventstore.ports import Tail
from eventstore.ports.follower import LogEntry
from eventstore.positions import Epoch, Position

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.redis.direct import Command
    from eventstore.adapters.redis.entries import Entry
    from eventstore.ports import Appended
    from eventstore.streams import StreamName

__all__ = ["Growth", "log_entry"]

_MOST_ENTRIES = 100


@dataclass(slots=True)
class Growth:
    """See `ports.Growth`."""

    partition: int
    after: Position
    entries: Sequence[LogEntry] = ()
    tail: Tail | None = None
    _read: Sequence[Any] = field(default=(), init=False)

    def commands(self) -> Sequence[Command]:
        """Return the commands to send after the append, in its round trip."""
        keys = partition_keys(self.partition)
        return (
            ("XRANGE", keys.log, f"({id_of_entry(self.after)}", "+", "COUNT", _MOST_ENTRIES),
            # After the entries: the serial covers every removal that hid one of their events.
            ("HMGET", keys.partition, *REMOVALS, "epoch"),
        )

    def answered(self, answers: Sequence[Any]) -> None:
        """Take in the answers of the commands, unless there are none, or one is an error."""
        if answers and not any(isinstance(answer, Exception) for answer in answers):
            self._read = answers
            self.entries = [log_entry(entry) for entry in answers[0]]

    def appended(self, stream: StreamName, bodies: Sequence[bytes], appended: Appended) -> None:
        """Take in what was appended.

        Args:
            stream: The stream.
            bodies: The bodies of all its events.
            appended: Their places.
        """
        if len(self.entries) != 1 or appended.duplicates:
            return
        [(entry_id, (name, reference, *_))], (*removals, epoch) = self._read
        first, last = appended.sequences[0], appended.sequences[-1]
        if name.decode() != stream or reference != (b"%d" % last if first == last else b"%d-%d" % (first, last)):
            return
        time, order = sequence_and_time(entry_id)
        events = RecordedEvent.of_stream(stream, appended.sequences, [time] * len(bodies), bodies)
        positions = list(Position.of_append(time, order, range(len(bodies))))
        self.tail = Tail(
            Epoch(epoch.decode() if epoch else ""),
            list(zip(positions, events, strict=True)),
            positions[-1],
            time,
            True,
            *removals_of(*removals),
        )


def log_entry(entry: Entry) -> LogEntry:
    """Return an entry of the log, of which XRANGE returned `entry`, as readers that follow the log see it."""
    stored, fields = entry
    first, _, last = fields[1].partition(b"-")
    return LogEntry(end_of_entry(stored), int(last) - int(first) + 1 if last else 1)
