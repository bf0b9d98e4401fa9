"""The store of events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from eventstore.streams import ANY, StreamName

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from eventstore.cloudevents.event import Event, EventId, RecordedEvent
    from eventstore.filters.clauses import Clauses
    from eventstore.ports.log_values import Appended, Deleted, Lag, LogEnd, Missing, PartitionStats, Slice, Tail
    from eventstore.positions import Epoch, Position
    from eventstore.streams import Condition, Expected, StreamConfig, StreamState

__all__ = ["Log"]


class Log(Protocol):
    """An append-only log of events: ordered per stream, and one sequence of appends per partition.

    Every method raises `StoreUnavailable` if the store does not answer; methods that write raise `StoreFull` if it has
    no room. A write that raised either may have been stored; repeating it is safe.
    """

    @property
    def partitions(self) -> int:
        """The number of partitions of the store; it never changes.

        Raises:
            PartitionMismatch: The store was created with another number than is configured.
        """

    def append(self, stream: StreamName, events: Sequence[Event], *, expected: Expected = ANY) -> Appended:
        """Store events at the end of a stream, all or none.

        An event whose source and id the stream already holds is not stored again; its place is returned as a
        duplicate. An append of nothing but duplicates changes nothing and ignores `expected`, so that a
        conditional publish whose response was lost can be repeated.

        Args:
            stream: The name of the stream; it is created if it does not exist.
            events: The events, in order.
            expected: Where the caller believes the stream ends.

        Raises:
            WrongExpectedVersion: The stream ends elsewhere; `actual` says where. Nothing is stored.
            EventConflict: The stream holds another event under the same source and id. Nothing is stored.
            StreamGone: The stream was deleted for good.
        """

    def read(
        self, stream: StreamName, *, start: int, stop: int, count: int, backwards: bool = False, clauses: Clauses = ()
    ) -> Slice:
        """Read events of a stream.

        Args:
            stream: The name of the stream.
            start: The lowest sequence to read.
            stop: The highest sequence to read.
            count: The maximum number of events to read.
            backwards: Read the newest event first.
            clauses: Some of the events that do not fulfil all clauses are left out of the result.

        Raises:
            StreamNotFound: There is no such stream.
            StreamGone: The stream was deleted for good.
        """

    def times(self, positions: Mapping[int, Position]) -> Mapping[int, int]:
        """Return the time of a position per partition, in milliseconds since 1970.

        No event at or before the position was stored later, and none after it earlier.
        """

    def positions_at(self, milliseconds: int, partitions: Iterable[int]) -> Mapping[int, Position]:
        """Return, per partition, the position after all events that were stored up to a time.

        Args:
            milliseconds: The time, in milliseconds since 1970. Before 1970, it is the position before all events.
            partitions: The numbers of the partitions.
        """

    def wait(self, stream: StreamName, *, after: int, seconds: float, since: StreamState | None = None) -> None:
        """Block until a stream has an event after a sequence, or is deleted, or the time is over.

        Args:
            stream: The name of the stream; it need not exist.
            after: A sequence.
            seconds: The maximum time to wait.
            since: The state of the stream that the caller knows: a deletion after it ends the wait. Without it, only a
                deletion during the call does.
        """

    def tail(
        self,
        after: Mapping[int, Position],
        *,
        count: int,
        backwards: bool = False,
        until: Mapping[int, Position] | None = None,
        streams: Collection[StreamName] = (),
        clauses: Clauses = (),
    ) -> Mapping[int, Tail]:
        """Read the logs of partitions.

        The call returns after a bounded amount of work. A result with fewer than `count` events that is not `at_end`
        continues at its `position`. That happens where events of other streams or without the `clauses` are skipped,
        and where events are so large that no more of them should be in memory together. Of the first partition of
        `after`, something is read in any case.

        Args:
            after: Per partition, the position after which to read; before which to read, if `backwards`.
            count: The maximum number of events per partition.
            backwards: Read the newest event first.
            until: Per partition, the position of the last event to read; ignored if `backwards`.
            streams: Only events of these streams; of all streams, if empty.
            clauses: Any of the events that do not fulfil all clauses may be left out of the result.
        """

    def missing(
        self,
        after: Mapping[int, Position],
        *,
        since: Mapping[int, int] | None = None,
        until: Mapping[int, Position] | None = None,
        streams: Collection[StreamName] = (),
        backwards: bool = False,
    ) -> Mapping[int, Missing]:
        """Report the events that were removed from parts of the logs of partitions.

        A deletion of very many appends may report the oldest of them in blocks. A block is reported whole if its end
        lies in the part; if its beginning does, for `backwards`. So a reader whose position lies within a block is
        reported more than it misses, never less.

        Args:
            after: Per partition, the position after which the part starts.
            since: Per partition, only removals with a greater serial; 0 where it is absent.
            until: Per partition, the position up to which the part extends; the end of the log where it is absent.
            streams: Only events of these streams; of all streams, if empty.
            backwards: Whether the caller reads backwards.
        """

    def ends(self, partitions: Iterable[int]) -> Mapping[int, LogEnd]:
        """Return the end of the log of each partition. A partition is created if it does not exist.

        Args:
            partitions: The numbers of the partitions.
        """

    def lag(self, after: Mapping[int, Position], *, most: int) -> Mapping[int, Lag]:
        """Count the events after a position, per partition.

        Removed events may be counted until their references are removed, too.

        Args:
            after: The position, per partition.
            most: The number at which counting stops.
        """

    def locate(
        self, event_id: EventId, *, source: str | None = None, stream: StreamName | None = None
    ) -> Sequence[RecordedEvent]:
        """Find the kept events that have an id.

        Args:
            event_id: The `id` attribute.
            source: With `stream`, the `source` attribute; at most one event is found. It is ignored without `stream`.
            stream: Only events of this stream.

        Raises:
            AmbiguousEvent: More events have the id than the index lists.
        """

    def create(self, stream: StreamName, config: StreamConfig) -> bool:
        """Create a stream without events.

        Args:
            stream: The name of the stream.
            config: Its settings.

        Returns:
            Whether it was created; False if it exists with these settings.

        Raises:
            StreamConflict: The stream exists with other settings.
            StreamGone: The stream was deleted for good.
        """

    def configure(self, known: StreamState, config: StreamConfig, *, exactly: bool = False) -> bool:
        """Replace the settings of a stream, unless they were changed meanwhile.

        Events beyond the new retention remain readable until they are trimmed.

        Args:
            known: The state of the stream that the caller read.
            config: All of the new settings.
            exactly: Refuse also if events were appended or removed meanwhile.

        Returns:
            Whether `config` is stored now; False if nothing was changed.

        Raises:
            StreamNotFound: There is no such stream.
            StreamGone: The stream was deleted for good.
        """

    def describe(self, stream: StreamName) -> StreamState:
        """Return the current state of a stream.

        Raises:
            StreamNotFound: There is no such stream.
            StreamGone: The stream was deleted for good.
        """

    def streams(self, *, prefix: str, after: str, count: int) -> Sequence[StreamState]:
        """Return the states of streams, in lexicographic order of their names.

        Args:
            prefix: Only names that start with it.
            after: Only names greater than it.
            count: The maximum number of streams.
        """

    def delete(self, stream: StreamName, *, permanently: bool = False, conditions: Sequence[Condition] = ()) -> Deleted:
        """Hide all events of a stream from every reader, in one atomic step.

        Sequences continue where they were. From the same moment, `missing` reports all deleted events. The log keeps
        one reference to the deletion until it was dispatched, so that a turn notifies the subscribers. `trim` removes
        the events from memory. Deleting a stream without events changes nothing unless `permanently`.

        Args:
            stream: The name of the stream.
            permanently: Refuse all later appends: the stream is gone.
            conditions: Conditions on the version of the stream, all of which must be true.

        Raises:
            StreamNotFound: There is no such stream.
            StreamGone: The stream was deleted for good.
            WrongExpectedVersion: A condition is false; nothing is changed.
        """

    def gone(self, streams: Sequence[StreamName]) -> Sequence[StreamName]:
        """Return those of the streams that were deleted for good."""

    def trim(self, stream: StreamName, *, until: int | None = None) -> int:
        """Remove the events of a stream that were deleted, or that its retention no longer keeps.

        An event that retention no longer keeps stays readable until it was dispatched.

        Args:
            stream: The name of the stream; it need not exist.
            until: When to stop, in milliseconds since 1970; the next call continues. None: when all is removed.

        Returns:
            The number of events removed.
        """

    def deleted(self, partition: int) -> Sequence[StreamName]:
        """Return the streams of a partition that have deleted events left for `trim`."""

    def streams_with_retention(self, partition: int) -> Sequence[StreamName]:
        """Return the streams of a partition that have a retention, for `trim`."""

    def index(self, partitions: Iterable[int], *, until: int | None = None) -> None:
        """Bring the indexes behind `locate`, and behind `tail` with `clauses`, up to date.

        Results never depend on it; only their cost does.

        Args:
            partitions: The partitions to index.
            until: When to stop, in milliseconds since 1970; the next call continues. None: when all is indexed.
        """

    def renew(self) -> Mapping[int, Epoch]:
        """Give every partition a new epoch, which invalidates all older cursors.

        For a store that was restored from a backup: its clients hold cursors into a history that it does not have. The
        events stay; frame numbers and fencing tokens move far beyond those in use before. A call that fails may have
        renewed some partitions; repeating it renews these again.

        Returns:
            The new epoch of each partition.
        """

    def stats(self) -> Sequence[PartitionStats]:
        """Return the statistics of each partition, by number."""

    def ping(self) -> None:
        """Check that the store answers; raise `StoreUnavailable` if it does not."""
