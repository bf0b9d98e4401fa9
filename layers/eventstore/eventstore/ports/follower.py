"""Following the logs of partitions as they grow."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore.ports.log_values import Tail
    from eventstore.positions import Position

__all__ = ["Follower", "Growth", "LogEntry"]


class LogEntry(NamedTuple):
    """An entry of a partition's log: the events of an append, or a deletion.

    Attributes:
        end: The position after it.
        events: The number of its events; at least 1.
    """

    end: Position
    events: int


class Growth(Protocol):
    """The log of a partition after a position, as an append of this process leaves it. The append fills it in.

    Who stores events and delivers them would read the log after each append. All that it would read is known once the
    append is done, unless another process has appended meanwhile.

    Attributes:
        after: The position.
        entries: The next entries after it; none if the append could not read them.
        tail: The events of these entries, if the append stored them all, as `Log.tail` returns them.
    """

    after: Position
    entries: Sequence[LogEntry]
    tail: Tail | None


class Follower(Protocol):
    """Waits for news of partitions. One thread at a time calls each method."""

    def wait_for_entries(
        self, after: Mapping[int, Position], *, seconds: float, deferral: Callable[[], float] = lambda: 0
    ) -> Mapping[int, Sequence[LogEntry]]:
        """Block until a log has entries after a position, or the time is over.

        Args:
            after: The position, per partition.
            seconds: The maximum time to wait.
            deferral: Returns for how many seconds entries that have come wait before they are read. Threads that store
                events and deliver them need the interpreter of Python meanwhile. A cluster is polled anyway.

        Returns:
            The next entries of each log that has any, in order.

        Raises:
            StoreUnavailable: The store does not answer.
        """

    def entries_after(self, partition: int, position: Position) -> Sequence[LogEntry]:
        """Return the next entries of a log after a position. Any thread may call it.

        Raises:
            StoreUnavailable: The store does not answer.
        """

    def growth(self, partition: int, after: Position) -> Growth:
        """Return what an append to a partition may fill in: how the log grew after a position."""

    def wait_for_commands(self, after: Mapping[int, str], *, seconds: float) -> Mapping[int, str]:
        """Block until a partition is given commands for durable subscriptions, or the time is over.

        Args:
            after: The id of the last command that the caller knows of, per partition; empty if it knows of none.
            seconds: The maximum time to wait.

        Returns:
            The id of a later command, of each partition that has any.

        Raises:
            StoreUnavailable: The store does not answer.
        """

    def close(self) -> None:
        """End the connections, and with them a call that another thread waits in."""
