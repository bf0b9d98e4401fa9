"""The port of a journal: the ordered, durable records of a store whose truth is not in Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Journal", "JournalEnd", "JournalRecord"]


class JournalRecord(NamedTuple):
    """A record with its position in its partition; the content is None if it was erased."""

    position: int
    content: bytes | None


class JournalEnd(NamedTuple):
    """Where a partition of a journal ends.

    Attributes:
        identity: Names this history: another one if the journal was deleted and made anew.
        position: The position of the last record, also if it was erased; 0 if there never was one.
    """

    identity: str
    position: int


class Journal(Protocol):
    """Records in order, at positions 1, 2, 3 … of each partition, without a gap. Threads may share it.

    Each call raises `StoreUnavailable` if the journal does not answer, after some tries, and `SettingsError` if it
    refuses the hub, or is not set up as the hub needs it.
    """

    @property
    def most_bytes(self) -> int:
        """The largest record that is accepted, in bytes."""

    @property
    def erases(self) -> bool:
        """Whether records can be erased."""

    @property
    def is_costly_to_fetch(self) -> bool:
        """Whether a record that is not the last one costs milliseconds, so that the newest ones are kept elsewhere."""

    def append(self, partition: int, record: bytes) -> int:
        """Store a record durably, and return its position.

        It is stored at least once: if an answer is lost, the record is sent again. A record that was stored twice, or
        although the call failed, is told from others by what is in it. Raises `TooLarge` for more than `most_bytes`.
        """

    def read(self, partition: int, *, after: int, count: int) -> Sequence[JournalRecord]:
        """Return the next records after a position, at most `count`; fewer if they are long, none only at the end."""

    def fetch(self, partition: int, positions: Sequence[int]) -> Sequence[JournalRecord]:
        """Return the records at ascending positions, each of which the journal has had.

        Many positions cost far less than as many calls. Raises `StoreUnavailable`, which names the position, for one
        beyond the end: the journal does not have what an index says it has.
        """

    def end(self, partition: int) -> JournalEnd:
        """Return where a partition ends. What was acknowledged before the call is before that."""

    def erase(self, partition: int, position: int) -> None:
        """Remove the content of a record for good; its position stays. Repeating the call changes nothing.

        Raises `NotSupported` unless the journal `erases`.
        """

    def close(self) -> None:
        """Close all connections."""
