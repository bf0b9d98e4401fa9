"""The port of events that are in the archive alone, for a store whose events leave memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.streams import StreamName

__all__ = ["History"]


class History(Protocol):
    """The events of a store that were archived. Threads may share it."""

    def bodies(
        self, partition: int, wanted: Mapping[StreamName, Mapping[int, int]]
    ) -> Mapping[StreamName, Mapping[int, bytes]]:
        """Return the bodies of events, by stream and sequence; without those that are not archived.

        Args:
            partition: The partition of all the streams.
            wanted: By stream and sequence, when each event was stored, in milliseconds since 1970.

        Raises:
            ArchiveMismatch: The archive is one of another store.
            ArchiveUnavailable: The storage does not answer, or is read by too many others.
        """
