"""What concerns the store as a whole: whether it answers, what it holds, and that it was restored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.access import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.access import Access
    from eventstore.ports import Log, PartitionStats

__all__ = ["Operations"]


class Operations:
    """Looks after the store."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def ping(self, *, access: Access) -> None:
        """Return if the store answers. Whoever has a credential may ask, whatever it is for.

        Raises:
            StoreUnavailable: It does not.
        """
        del access
        self._log.ping()

    def statistics(self, *, access: Access) -> Sequence[PartitionStats] | None:
        """What each partition holds; None for an access to some streams alone, as all of them are counted.

        Raises:
            Forbidden: The access has not the scope `admin`.
        """
        access.require(Scope.ADMIN)
        return None if access.prefixes else self._log.stats()

    def partitions(self, *, access: Access) -> int:
        """How many partitions the store has; raises `Forbidden` without the scope `admin`."""
        access.require(Scope.ADMIN)
        return self._log.partitions

    def renew_epoch(self, *, access: Access) -> Mapping[int, str]:
        """Let nobody go on from an older cursor, for the store was restored; answers each partition's new epoch.

        Raises:
            Forbidden: The access has not the scope `admin`, or is to some streams alone.
        """
        access.require(Scope.ADMIN)
        access.require_all_streams()
        return self._log.renew()
