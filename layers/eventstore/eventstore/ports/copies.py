"""The ports through which a store is copied to another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from eventstore.ports.copied_values import (
        CopiedAppend,
        CopiedAppends,
        CopiedDefinition,
        CopiedGroup,
        CopiedPartition,
        CopiedStream,
    )
    from eventstore.positions import Epoch, Position
    from eventstore.streams import StreamName

__all__ = ["CopySource", "CopyTarget"]


class CopySource(Protocol):
    """A store that is copied. It can be read, and written unless it is closed."""

    def appends(self, partition: int, *, after: Position) -> CopiedAppends:
        """Return the next appends of a partition after a position, some hundreds."""

    def streams(self) -> Iterator[tuple[int, Sequence[CopiedStream]]]:
        """Yield all streams, in no order, perhaps some of them twice: a partition, and some hundreds of its streams."""

    def states(self, partition: int, names: Sequence[StreamName]) -> Sequence[CopiedStream | None]:
        """Return what the store has of streams of a partition; None of one that it does not have."""

    def partition(self, partition: int) -> CopiedPartition:
        """Return what the store has of a partition."""

    def groups(self, partition: int) -> Sequence[CopiedGroup]:
        """Return the groups of durable subscriptions in a partition, by their keys."""

    def definitions(self, kind: str) -> Sequence[CopiedDefinition]:
        """Return the definitions of a kind, `durable` or `filter`, by their names."""

    def close_for_writing(self) -> None:
        """Refuse all writes with `StoreClosed` from now on, and end all turns. Readers notice nothing."""

    def reopen(self) -> None:
        """Accept writes again."""


class CopyTarget(Protocol):
    """A store that becomes the copy of another one. All of its calls can be repeated, also by another process."""

    def open(self, epochs: Mapping[int, Epoch]) -> None:
        """Create all partitions, with the epochs of the store that is copied.

        Raises:
            SettingsError: The store has others: it is not the copy of that store, nor is it empty.
        """

    def append(self, partition: int, appends: Sequence[CopiedAppend]) -> None:
        """Add appends, in order; those that it has are passed over.

        Raises:
            TooLarge: An append does not fit into a record of the journal.
        """

    def put_streams(self, partition: int, streams: Sequence[CopiedStream]) -> None:
        """Give streams of a partition what they have in the other store, and hide the events that it does not have.

        The next sweep of the store removes what is hidden.
        """

    def put_partition(self, partition: int, copied: CopiedPartition) -> None:
        """Give a partition what it has in the other store; its turns continue at the checkpoint."""

    def put_groups(self, partition: int, groups: Sequence[CopiedGroup]) -> None:
        """Replace the groups of a partition."""

    def put_definitions(self, kind: str, definitions: Sequence[CopiedDefinition]) -> None:
        """Replace the definitions of a kind."""
