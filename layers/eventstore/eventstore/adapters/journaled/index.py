"""The index of a journal in Redis: a fold of its records, one after the other.

Whoever appends a record folds it. If records before it are not folded yet, their writers are about to do that, or died:
after some milliseconds, whoever waits reads them, and folds them in their place.
"""

from __future__ import annotations

import logging
from threading import Condition
from typing import TYPE_CHECKING, Any

from eventstore.adapters.journaled.changes import Append, Change, Erased
from eventstore.adapters.journaled.records import Record, decoded, encoded
from eventstore.adapters.redis.appends import NEEDS_WAKEUP
from eventstore.adapters.redis.keys import partition_keys
from eventstore.adapters.redis.scripts import Script, run_each
from eventstore.errors import BackendMismatch, IndexDiverged, OutcomeUnknown, StoreClosed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from eventstore.adapters.journaled.bodies import JournalBodies
    from eventstore.adapters.journaled.foldings import Folding, Foldings
    from eventstore.adapters.journaled.trials import Tried
    from eventstore.adapters.redis.connection import Client
    from eventstore.adapters.redis.direct import Command, Direct
    from eventstore.ports.journal import Journal, JournalRecord

__all__ = ["Index"]

_LOGGER = logging.getLogger(__name__)

_READ_RECORDS = 500
_FIRST_PAUSE = 0.0005
_PAUSES = 6
"""Between one look and the next, who is ahead waits twice as long: 32 ms together."""


class Index:
    """Writes records into a journal, and folds them. Threads may share it.

    Args:
        client: The client of the store.
        journal: The journal.
        foldings: How records are folded.
        bodies: Is given the bodies of records that this process appends.
        nonce: Draws 8 random bytes.
        direct: Sends what an append sends; None for the client.
    """

    def __init__(
        self,
        client: Client,
        journal: Journal,
        *,
        foldings: Foldings,
        bodies: JournalBodies,
        nonce: Callable[[], bytes],
        direct: Direct | None = None,
    ) -> None:
        self._client = client
        self._journal = journal
        self._bodies = bodies
        self._nonce = nonce
        self._direct = direct
        self._foldings = foldings
        self._diverge = Script("journal/diverge")
        self._identities: dict[int, str] = {}
        self._folded_one = Condition()

    def written(self, partition: int, change: Change) -> int:
        """Write a change into the journal, without folding it, and return its position."""
        now = self._client.hmget(partition_keys(partition).partition, ("clock",))[0]
        return self._journal.append(partition, encoded(Record(self._nonce(), int(now or 0), 0, change)))

    def submitted(
        self, partition: int, change: Change, tried: Tried, *, commands: Sequence[Command] = ()
    ) -> tuple[Any, Sequence[Any]]:
        """Write a change into the journal, fold it, and return what its step answers.

        Args:
            partition: The partition.
            change: The change.
            tried: What it would do, tried just before.
            commands: Commands of Redis to run after the fold, in its round trip.

        Returns:
            The answer of the step, and those of the commands, if these were run.

        Raises:
            OutcomeUnknown: The change is in the journal; whether it was done or refused is not known any more.
            StoreClosed: The change is in the journal, and is not done unless the store is opened again.
            IndexDiverged: The index is of another journal, or of records that the journal does not have any more.
        """
        record = Record(self._nonce(), tried.time, tried.folded, change)
        content = encoded(record)
        position = self._journal.append(partition, content)
        keeping = self._bodies.keep(partition, position, content) if isinstance(change, Append) else ()
        if position <= tried.folded:
            raise self._diverged(
                partition, tried.folded, f"the journal has lost records: it ends before {tried.folded}"
            )
        return self._folded(partition, position, record, commands, keeping)

    def catch_up(
        self,
        partition: int,
        *,
        until: int | None = None,
        is_set_back: bool = False,
        progress: Callable[[int, int], None] = lambda _folded, _end: None,
    ) -> bool:
        """Fold the records of the journal that are not folded yet; none while the partition accepts no writes.

        Args:
            partition: The partition.
            until: The last one to fold; None is the end that the journal has now.
            is_set_back: Whether the index is taken for one that was set back, if anything is to be folded.
            progress: Called with the position of the last record that is folded, and that of the end.

        Returns:
            Whether records were folded whose writers may not have woken up the partition.

        Raises:
            IndexDiverged: The index is of another journal, or of records that the journal does not have any more.
        """
        key = partition_keys(partition).partition
        has_folded = False
        while True:
            fields = self._client.hmget(key, ("folded", "nonce", "journal", "diverged", "epoch", "closed"))
            if fields[3] is not None:
                raise IndexDiverged(partition, fields[3].decode())
            folded, nonce, identity = int(fields[0] or 0), fields[1], fields[2]
            if identity is None and fields[4] is not None:
                raise BackendMismatch(is_index=False)
            end = self._journal.end(partition)
            self._identities[partition] = end.identity
            if identity is not None and identity.decode() != end.identity:
                raise self._diverged(partition, folded, "it is of another journal")
            newest = end.position
            if newest < folded:
                # A server that is not the leader any more may say so, and not know what others acknowledged since. What
                # all must agree on is the position of another record, which changes nothing.
                newest = self.written(partition, Erased())
                if newest <= folded:
                    raise self._diverged(partition, folded, f"the journal has lost records: it ends before {folded}")
            until = newest if until is None else until
            progress(folded, until)
            if folded >= until or fields[5] is not None:
                return has_folded
            records = self._journal.read(partition, after=max(folded - 1, 0), count=_READ_RECORDS)
            if folded:
                last, *records = records
                if nonce and (found := decoded(last.content).nonce) and found != nonce:
                    raise self._diverged(partition, folded, f"the journal has another record at {folded}")
            self._fold_all(partition, records, end=newest, is_set_back=is_set_back and not has_folded)
            has_folded = True

    def compare(self, partition: int) -> None:
        """Compare an index that may have been set back with its journal, and fold what it lacks.

        What other processes append just now is folded within some milliseconds. If what was there before is not folded
        then, its publisher has died or hangs, or it was folded before: the index is taken for one that was set back,
        which costs subscribers a gap in the numbers of their frames, and members what waits in their inboxes.
        """
        end = self.end(partition)
        for _ in self._looks():
            if self._position(partition) >= end:
                break
        self.catch_up(partition, until=end, is_set_back=True)

    def end(self, partition: int) -> int:
        """Return the position of the last record of a partition of the journal."""
        return self._journal.end(partition).position

    def lag(self, partition: int) -> int:
        """Return how many records of a partition are not folded yet."""
        folded = self._position(partition)
        return max(self.end(partition) - folded, 0)

    def _position(self, partition: int) -> int:
        """Return the position of the last record that is folded."""
        return int(self._client.hget(partition_keys(partition).partition, "folded") or 0)

    def _looks(self) -> Iterator[None]:
        """Yield some times, with a pause between, which ends once a thread of this process has folded a record."""
        yield
        pause = _FIRST_PAUSE
        for _ in range(_PAUSES):
            with self._folded_one:
                self._folded_one.wait(pause)
            pause *= 2
            yield

    def _identity(self, partition: int) -> str:
        """Return the identity of the journal of a partition."""
        if partition not in self._identities:
            self._identities[partition] = self._journal.end(partition).identity
        return self._identities[partition]

    def _folded(
        self,
        partition: int,
        position: int,
        record: Record,
        commands: Sequence[Command],
        keeping: Sequence[Command],
    ) -> tuple[Any, Sequence[Any]]:
        """Fold a record that this process has just appended.

        Args:
            partition: The partition.
            position: The position of the record.
            record: The record.
            commands: Commands to run after the fold.
            keeping: Commands that keep its bodies, whether it can be folded yet or not.
        """
        folding, arguments = self._call(partition, position, record)
        call = (self._client, _keys(partition, folding), arguments)
        has_folded_others = False
        for _ in self._looks():
            (outcome, *rest), read = folding.script.with_commands(*call, (*commands, *keeping), direct=self._direct)
            self._bodies.answered(keeping, read[len(commands) :])
            keeping = ()
            if outcome != b"ahead":
                break
        else:
            has_folded_others = self.catch_up(partition, until=position - 1)
            (outcome, *rest), read = folding.script.with_commands(*call, commands, direct=self._direct)
        with self._folded_one:
            self._folded_one.notify_all()
        match outcome, rest:
            case b"folded", [answer]:
                is_append = isinstance(record.change, Append)
                answer = _with_wakeup(answer) if has_folded_others and is_append else answer
                return answer, read[: len(commands)]
            case b"diverged", [why]:
                raise IndexDiverged(partition, why.decode())
            case b"closed", _:
                raise StoreClosed
        raise OutcomeUnknown(partition, position)

    def _fold_all(
        self, partition: int, records: Sequence[JournalRecord], *, end: int, is_set_back: bool = False
    ) -> None:
        """Fold records that follow each other. Another process may do so at the same time."""
        seen_by_later = records[0].position if is_set_back and records else 0
        calls = []
        # From the last to the first: what was seen folded after a record was read from the journal before.
        for position, content in reversed(records):
            record = decoded(content)
            folding, arguments = self._call(
                partition, position, record, set_back=end if seen_by_later >= position else None
            )
            calls.append((folding.script, _keys(partition, folding), arguments))
            seen_by_later = max(seen_by_later, record.folded)
        for outcome, *rest in run_each(self._client, calls[::-1]):
            if outcome == b"diverged":
                raise IndexDiverged(partition, rest[0].decode())
            if outcome == b"folded" and isinstance(rest[0], list) and rest[0][:1] == [b"failed"]:
                _LOGGER.error("a record of partition %s could not be folded: %s", partition, rest[0][1])

    def _call(
        self, partition: int, position: int, record: Record, *, set_back: int | None = None
    ) -> tuple[Folding, Sequence[Any]]:
        """Return how a record is folded, and all arguments of the script.

        Args:
            partition: The partition.
            position: The position of the record.
            record: The record.
            set_back: The end of the journal if the record was folded before; else None.
        """
        folding = self._foldings.of(partition, position, record)
        head = (position, self._identity(partition), record.nonce, record.time)
        flags = (folding.stamped, "" if set_back is None else set_back, int(folding.refers))
        return folding, (*head, *flags, *folding.arguments)

    def _diverged(self, partition: int, folded: int, why: str) -> IndexDiverged:
        """Note why nothing of a partition can be folded any more, and return the error that says so.

        Args:
            partition: The partition.
            folded: How far its index was folded when that was found out.
            why: Why.
        """
        self._diverge(self._client, [partition_keys(partition).partition], (folded, why))
        return IndexDiverged(partition, why)


def _keys(partition: int, folding: Folding) -> Sequence[str]:
    keys = partition_keys(partition)
    return [keys.partition, keys.outcomes, keys.turn, *folding.keys]


def _with_wakeup(answer: Any) -> Any:
    """Return the answer of an append so that the partition is woken up: records of others were folded, too."""
    if isinstance(answer, int):
        return answer | NEEDS_WAKEUP
    if isinstance(answer, list) and isinstance(answer[0], int):
        return [answer[0] | NEEDS_WAKEUP, *answer[1:]]
    return answer
