"""The steps of a log on a journal: each is tried, written into the journal, and folded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore.adapters.journaled.changes import ADOPTED, Append, Change, Configure, Create, Delete, Trim
from eventstore.adapters.redis.keys import stream_keys
from eventstore.adapters.redis.steps import NOTHING_TRIMMED, RedisSteps, trim_step
from eventstore.errors import OutcomeUnknown, StoreClosed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.journaled.bodies import JournalBodies
    from eventstore.adapters.journaled.index import Index
    from eventstore.adapters.journaled.partitions import JournaledPartitions
    from eventstore.adapters.journaled.trials import Trials
    from eventstore.adapters.redis.connection import Client
    from eventstore.adapters.redis.direct import Command
    from eventstore.adapters.redis.growth import Growth
    from eventstore.streams import StreamName

__all__ = ["JournaledSteps"]


class StoredBody(bytes):
    """The body of an event that is stored already.

    Attributes:
        reference: Where the journal has it.
    """

    reference: bytes


class JournaledSteps:
    """See `redis.steps.Steps`.

    Args:
        client: The client of the store.
        index: The index of the journal.
        trials: Looks at appends before they are written.
        partitions: The partitions of the store.
        bodies: Fetches bodies, where digests do not decide.
    """

    def __init__(
        self,
        client: Client,
        index: Index,
        trials: Trials,
        *,
        partitions: JournaledPartitions,
        bodies: JournalBodies,
    ) -> None:
        self._client = client
        self._index = index
        self._trials = trials
        self._partitions = partitions
        self._bodies = bodies
        self._immediate = RedisSteps(client)

    def append(
        self,
        partition: int,
        stream: StreamName,
        names: bytes,
        bodies: Sequence[bytes],
        *,
        expected: str,
        growth: Growth | None,
    ) -> Any:
        """See `Steps.append`."""
        sizes = [ADOPTED if isinstance(body, StoredBody) else len(body) for body in bodies]
        parts = [body.reference if isinstance(body, StoredBody) else body for body in bodies]
        packed = b"".join(size.to_bytes(4, "little") for size in sizes)
        change = Append(stream, expected, names, packed, b"".join(parts))
        answer, read = self._done(partition, change, commands=() if growth is None else growth.commands())
        if growth is not None:
            growth.answered(read)
        if isinstance(answer, list) and answer[0] == b"conflict":
            # Where the digests do not decide, the answer has the reference to the stored body.
            for offset in range(3, len(answer), 3):
                if answer[offset]:
                    answer[offset] = self._stored_body(partition, answer[offset])
        return answer

    def create(self, partition: int, stream: StreamName, *, limits: str, labels: str) -> Any:
        """See `Steps.create`."""
        return self._done(partition, Create(stream, limits, labels))[0]

    def configure(
        self, partition: int, stream: StreamName, *, changes: int, version: str, limits: str, labels: str
    ) -> Any:
        """See `Steps.configure`."""
        return self._done(partition, Configure(stream, changes, version, limits, labels))[0]

    def delete(self, partition: int, stream: StreamName, *, permanently: bool, conditions: str) -> Any:
        """See `Steps.delete`. Events that come in between are not deleted, unless the stream is to be gone."""
        key = stream_keys(partition, stream).state
        last = self._partitions.whole([partition], lambda: int(self._client.hget(key, "head") or 0))
        return self._done(partition, Delete(stream, permanently, conditions, last))[0]

    def trim(self, partition: int, stream: StreamName, events: Sequence[str | bytes | int]) -> Any:
        """See `Steps.trim`. How far the events are dispatched is found out before, and stands in no record."""
        if not events:
            # The mark of a deletion is of turns, which are no part of the journal.
            return self._immediate.trim(partition, stream, ())
        encoded = tuple(part if isinstance(part, bytes) else str(part).encode() for part in events)
        try:
            return self._trimmed(partition, Trim(stream, encoded))
        except StoreClosed:
            return NOTHING_TRIMMED

    def _done(self, partition: int, change: Change, *, commands: Sequence[Command] = ()) -> tuple[Any, Sequence[Any]]:
        tried = None
        if isinstance(change, Append) and not change.expected:
            tried = self._trials.looked(partition, change)
        if tried is None or not tried.is_open or self._partitions.compare(partition):
            tried = self._partitions.tried(partition, change)
        if tried.answer is None:
            try:
                return self._index.submitted(partition, change, tried, commands=commands)
            except OutcomeUnknown:
                # What the change would do now says whether it was done: then all of its events are there.
                again = self._partitions.tried(partition, change)
                if not (isinstance(change, Append) and again.is_done):
                    raise
                return again.answer, ()
        return tried.answer, ()

    def _trimmed(self, partition: int, trim: Trim) -> Sequence[int]:
        step = trim_step(partition, trim.stream, trim.events)
        tried = self._partitions.tried(partition, trim, step=step)
        if tried.answer is None:
            return [0, 0]
        count, stopped = tried.answer
        if not count:
            return [0, stopped]
        removable = trim.events[: 3 * int(count)] if stopped else trim.events
        (removed, _), _ = self._index.submitted(partition, Trim(trim.stream, removable), tried)
        return [removed, stopped]

    def _stored_body(self, partition: int, reference: bytes) -> bytes:
        body = self._bodies.body(partition, reference)
        if body is None:
            # It was removed meanwhile: there is nothing to compare with.
            return b""
        stored = StoredBody(body)
        stored.reference = reference
        return stored
