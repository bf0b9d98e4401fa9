"""What keeps the events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from eventstore.streams import ANY, Condition, Expected, StreamConfig, StreamState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from eventstore.cloudevents.event import Event, RecordedEvent
    from eventstore.filters.clauses import Clauses
    from eventstore.positions import Position

__all__ = ["Appended", "Deleted", "Lag", "Log", "Missing", "PartitionStats", "Slice", "Tail"]


class Appended(NamedTuple):
    """What became of an append. A tuple, for every publish makes one.

    Attributes:
        stream: Where the events belong.
        sequences: Where each stands, in the order given.
        duplicates: The indexes of those that were stored before.
        partition: The stream's.
        needs_wakeup: The partition has news, and had no bell outstanding: whoever appended rings it.
    """

    stream: str
    sequences: Sequence[int]
    duplicates: frozenset[int]
    partition: int
    needs_wakeup: bool


@dataclass(frozen=True, slots=True)
class Deleted:
    """What became of a deletion.

    Attributes:
        partition: The stream's.
        needs_wakeup: The partition has news, and had no bell outstanding: whoever deleted rings it.
    """

    partition: int
    needs_wakeup: bool


@dataclass(frozen=True, slots=True)
class Slice:
    """Events of one stream, and the stream as it was when they were read.

    Attributes:
        state: The stream.
        epoch: Its partition's.
        events: In the order that was asked for.
        reached: The sequence of the event that was looked at last, whether it is among `events` or not; None if none
            was.
        size: Bytes of the events that were looked at.
    """

    state: StreamState
    epoch: str
    events: Sequence[RecordedEvent]
    reached: int | None
    size: int


@dataclass(frozen=True, slots=True)
class Tail:
    """Events of one partition with their positions, and the place up to which the log was read.

    Attributes:
        epoch: The partition's.
        events: In log order, or the reverse.
        position: Behind what was read; before it, if it was read backwards.
        at_end: Whether nothing is left to read.
        removals: The partition's removal serial, read after the events: every removal that hid one of them from this
            read is counted in it. What is removed later has a greater serial (`Missing.serial`).
        removed_until: The newest removal that the partition remembers lies at this time of the log, in milliseconds
            since 1970; -1 if there is none. Nothing that was stored later was removed by `removals`: whoever reads on
            from a place behind that time need not ask `Log.missing`.
    """

    epoch: str
    events: Sequence[tuple[Position, RecordedEvent]]
    position: Position
    at_end: bool
    removals: int
    removed_until: int


@dataclass(frozen=True, slots=True)
class Missing:
    """What was removed from one partition, by retention or deletion.

    Attributes:
        epoch: The partition's.
        serial: Removals are counted; this is the newest one told of.
        ranges: Stream, first and last sequence, merged and in order; at most 100.
        complete: These are all. False if there were more ranges, or if the partition does not remember that far back.
        gone: Streams that were deleted for good, in order; each at the place in the log at which it was, whether it
            held events or not.
    """

    epoch: str
    serial: int
    ranges: Sequence[tuple[str, int, int]]
    complete: bool
    gone: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class PartitionStats:
    """What a partition holds: streams, appends whose events are kept, and when the newest was stored (ms).

    A deletion counts among the appends until it was dispatched.
    """

    partition: int
    streams: int
    appends: int
    newest: int | None


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a reader of a partition is behind.

    Attributes:
        events: How many events the log has for it; at most as many as were to be counted.
        oldest: When the first of these was stored, in milliseconds since 1970; None if there is none.
    """

    events: int
    oldest: int | None


class Log(Protocol):
    """An append-only log of events: ordered per stream, one sequence of appends per partition."""

    @property
    def partitions(self) -> int:
        """How many partitions the store was made with."""

    def append(self, stream: str, events: Sequence[Event], *, expected: Expected = ANY) -> Appended:
        """Store events at the end of a stream, all or none.

        An event whose source and id the stream already holds is not stored again; its place is returned as a
        duplicate. An append of nothing but duplicates changes nothing and ignores `expected`, so that a
        conditional publish whose answer was lost can be sent again.

        Raises:
            WrongExpectedVersion: The stream ends elsewhere; `actual` says where.
            EventConflict: The stream holds another event under the same source and id.
            StreamGone: The stream was deleted for good.
        """

    def read(
        self, stream: str, *, start: int, stop: int, count: int, backwards: bool = False, clauses: Clauses = ()
    ) -> Slice:
        """Up to `count` events with `start <= sequence <= stop`, oldest first, or newest first if `backwards`.

        Of those `count` events, some that do not fulfil every one of the `clauses` are left out.

        Raises:
            StreamNotFound: There is no such stream.
            StreamGone: The stream was deleted for good.
        """

    def wait(self, stream: str, *, after: int, seconds: float, since: StreamState | None = None) -> None:
        """Return when the stream has an event beyond `after`, when it is deleted, or when `seconds` have passed.

        Args:
            stream: Its name.
            after: A sequence.
            seconds: The longest wait.
            since: The stream as the caller knows it: a deletion after that ends the wait. Without it, as it is now.
        """

    def tail(
        self,
        after: Mapping[int, Position],
        *,
        count: int,
        backwards: bool = False,
        until: Mapping[int, Position] | None = None,
        streams: Collection[str] = (),
        clauses: Clauses = (),
    ) -> Mapping[int, Tail]:
        """For each partition up to `count` events beyond a position, in log order; before it if `backwards`.

        Where `until` names a position, the log ends there (forwards only). With `streams`, only their events are
        read; what others hold is skipped, and however little is found, the answer comes soon: then it is short of
        `count` and not `at_end`, and goes on at its position. With `clauses`, events that do not fulfil every one of
        them may be left out, any number of them; the answer comes as soon. An answer is short of `count`, too, where
        events are so large that more of them should not be in memory at once; of the partition that stands first in
        `after` something is read in any case.
        """

    def missing(
        self,
        after: Mapping[int, Position],
        *,
        since: Mapping[int, int] | None = None,
        until: Mapping[int, Position] | None = None,
        streams: Collection[str] = (),
        backwards: bool = False,
    ) -> Mapping[int, Missing]:
        """For each partition what was removed of the events beyond a position, and up to the one in `until`.

        Only removals with a serial beyond that in `since` count; and with `streams`, only theirs. Of a stream of very
        many appends, those deleted first may be told in blocks: a block is told whole where its end lies, or, to who
        reads `backwards`, where its beginning lies, so that a reader who stands within it is told more than it misses,
        never less.
        """

    def lag(self, after: Mapping[int, Position], *, most: int) -> Mapping[int, Lag]:
        """For each partition how many events its log has beyond a position, counted up to `most`.

        Events that were removed may count until their references are gone, too.
        """

    def locate(self, event_id: str, *, source: str | None = None, stream: str | None = None) -> Sequence[RecordedEvent]:
        """Every event kept that has the id; with `source` and `stream` both given, the one.

        Raises:
            AmbiguousEvent: More events have the id than can be listed.
        """

    def create(self, stream: str, config: StreamConfig) -> bool:
        """Make a stream; False if it exists with these settings.

        Raises:
            StreamConflict: It exists with other settings.
            StreamGone: The stream was deleted for good.
        """

    def configure(self, known: StreamState, config: StreamConfig, *, exactly: bool = False) -> bool:
        """Give a stream other settings; False, and nothing is done, if they were changed since it was `known`.

        What its retention does not keep by then is no longer read once it is trimmed.

        Args:
            known: The stream as the caller has seen it.
            config: All of its settings.
            exactly: Nor is it done if events were appended or removed since.

        Raises:
            StreamNotFound: There is no such stream.
            StreamGone: The stream was deleted for good.
        """

    def describe(self, stream: str) -> StreamState:
        """The stream as it is now; raises `StreamNotFound` or `StreamGone`."""

    def streams(self, *, prefix: str, after: str, count: int) -> Sequence[StreamState]:
        """Up to `count` streams in order of their names, those beyond `after` that start with `prefix`."""

    def delete(self, stream: str, *, permanently: bool = False, conditions: Sequence[Condition] = ()) -> Deleted:
        """Take a stream's events from every reader, all at once; `permanently`, it takes none again.

        Sequences go on where they were. Readers are told of all that was deleted from the same moment on (`missing`),
        and the log counts one reference more until it was dispatched, so that a turn comes by and tells the
        subscribers; `trim` removes what is left in memory. A stream without events is only changed `permanently`.

        Raises:
            StreamNotFound: There is no such stream.
            StreamGone: The stream was deleted for good.
            WrongExpectedVersion: A condition is not true, and nothing is changed.
        """

    def gone(self, streams: Sequence[str]) -> Sequence[str]:
        """Which of these streams were deleted for good."""

    def trim(self, stream: str, *, until: int | None = None) -> int:
        """Remove what was deleted, or the stream's retention no longer keeps; answers how many events went.

        What was not yet dispatched stays, and is read, until it was, unless it was deleted. Once the time `until` has
        come (in milliseconds since 1970), the rest is left for the next time.
        """

    def deleted(self, partition: int) -> Sequence[str]:
        """The streams of a partition of which `trim` has something left to remove that was deleted."""

    def streams_with_retention(self, partition: int) -> Sequence[str]:
        """The streams of a partition that have a retention, for `trim`."""

    def index(self, partitions: Iterable[int], *, until: int | None = None) -> None:
        """Let `locate`, and `tail` with `clauses`, find fast what was appended to these partitions.

        Once the time `until` has come (in milliseconds since 1970), the rest is left for the next time.
        """

    def renew(self) -> Mapping[int, str]:
        """Give every partition another epoch: nobody may go on from an older cursor. Answers the new ones.

        For a store that was restored, and is older than what its clients remember: they hold cursors into a history
        that it does not have. What it holds stays as it is; frames get numbers far beyond those of before. Whoever
        dies in between leaves some partitions as they were, and may do it again, which only renews the others twice.
        """

    def stats(self) -> Sequence[PartitionStats]:
        """What each partition holds."""

    def ping(self) -> None:
        """Return if the store answers; raises `StoreUnavailable`."""
