"""Operations on the whole store: checking that it answers, statistics, and renewing it after a restore."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.access import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.access import Access
    from eventstore.ports import Log, PartitionStats
    from eventstore.positions import Epoch

__all__ = ["Operations"]


class Operations:
    """Operates on the whole store."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def ping(self, *, access: Access) -> None:
        """Check that the store answers. Every credential allows it.

        Raises:
            StoreUnavailable: The store does not answer.
        """
        del access
        self._log.ping()

    def statistics(self, *, access: Access) -> Sequence[PartitionStats] | None:
        """Return the statistics of each partition; None for an access to some streams only, as they count all streams.

        Raises:
            Forbidden: The access does not have the scope `admin`.
        """
        access.require(Scope.ADMIN)
        return None if access.prefixes else self._log.stats()

    def partitions(self, *, access: Access) -> int:
        """Return the number of partitions; raise `Forbidden` without the scope `admin`."""
        access.require(Scope.ADMIN)
        return self._log.partitions

    def renew_epoch(self, *, access: Access) -> Mapping[int, Epoch]:
        """Invalidate all older cursors, after the store was restored; return the new epoch of each partition.

        Raises:
            Forbidden: The access does not have the scope `admin`, or does not include all streams.
        """
        access.require(Scope.ADMIN)
        access.require_all_streams()
        return self._log.renew()
