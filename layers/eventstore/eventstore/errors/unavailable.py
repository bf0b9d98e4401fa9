"""Errors of the hub or of what it depends on: the request is correct, and sending it again later is safe."""

from __future__ import annotations

from eventstore.errors.base import EventstoreError

__all__ = [
    "ArchiveMismatch",
    "ArchiveUnavailable",
    "BackendMismatch",
    "FormatMismatch",
    "IndexDiverged",
    "OutcomeUnknown",
    "PartitionLeased",
    "PartitionMismatch",
    "QueueUnavailable",
    "ShardMismatch",
    "StoreClosed",
    "StoreFull",
    "StoreUnavailable",
    "TurnLost",
    "Unavailable",
]


class Unavailable(EventstoreError):
    """The request cannot be served now. Sending it again is safe: the hub stores an event once."""

    code = "unavailable"


class StoreUnavailable(Unavailable):
    """The store does not respond."""

    code = "store-unavailable"


class StoreFull(StoreUnavailable):
    """The store is out of memory or storage. Stored events are still read and delivered, and can be removed."""

    code = "store-full"

    def __init__(self, detail: str = "") -> None:
        super().__init__(
            detail
            or "the store is out of memory and accepts no events; stored events are still read and delivered: "
            "delete streams, shorten retention, or add memory to the cache"
        )


class OutcomeUnknown(StoreUnavailable):
    """A change is in the journal; whether it was done or refused is not known any more."""

    code = "outcome-unknown"

    def __init__(self, partition: int, position: int) -> None:
        super().__init__(
            f"the request is record {position} of partition {partition}, and its outcome is not kept any more; "
            "send it again: an event is stored once"
        )


class StoreClosed(StoreUnavailable):
    """The store accepts no writes: it is being moved to another backend, or was moved. It can be read."""

    code = "store-closed"

    def __init__(self) -> None:
        super().__init__(
            "the store accepts no writes, because it is being moved to another one, or was moved; "
            "send the request again, to a hub with the new store"
        )


class QueueUnavailable(Unavailable):
    """A queue did not accept all messages."""

    code = "queue-unavailable"


class ArchiveUnavailable(Unavailable):
    """The storage of the archive does not respond, or refuses the hub."""

    code = "archive-unavailable"


class ArchiveMismatch(Unavailable):
    """The archive is one of another store, or has a format that this version does not support."""

    code = "archive-mismatch"


class TurnLost(Unavailable):
    """A newer turn of the partition has begun, as after a timeout; it continues the work of this one."""

    code = "turn-lost"

    def __init__(self, partition: int, detail: str = "") -> None:
        super().__init__(detail or f"a newer turn of partition {partition} has begun; this turn changed nothing")


class PartitionLeased(TurnLost):
    """Another instance of the server holds a lease of the partition, and does the work."""

    code = "partition-leased"

    def __init__(self, partition: int, holder: str) -> None:
        super().__init__(partition, f"instance {holder} holds the lease of partition {partition}; no turn has begun")
        self.holder = holder


class PartitionMismatch(Unavailable):
    """The store was created with another number of partitions than the setting says."""

    code = "partition-mismatch"

    def __init__(self, *, configured: int, stored: int) -> None:
        super().__init__(
            f"PARTITIONS is {configured}, but the store was created with {stored}; "
            f"set PARTITIONS={stored}, or leave it unset"
        )


class ShardMismatch(Unavailable):
    """The store was created with another number of shards of connections than the setting says."""

    code = "shard-mismatch"

    def __init__(self, *, configured: int, stored: int) -> None:
        super().__init__(
            f"SHARDS is {configured}, but the store was created with {stored}; set SHARDS={stored}, or leave it unset"
        )


class BackendMismatch(Unavailable):
    """The store is one of another backend than the setting says."""

    code = "backend-mismatch"

    def __init__(self, *, is_index: bool) -> None:
        super().__init__(
            "BACKEND is redis, but the store is the index of a journal; set BACKEND to that of the journal"
            if is_index
            else "BACKEND names a journal, but the store holds events itself; set BACKEND=redis, or name an empty store"
        )


class IndexDiverged(Unavailable):
    """The index of a partition is not that of its journal: another one is there, or records are lost."""

    code = "index-diverged"

    def __init__(self, partition: int, why: str) -> None:
        super().__init__(
            f"the index of partition {partition} does not follow its journal any more ({why}); "
            "look at the journal, then rebuild the index"
        )
        self.partition = partition


class FormatMismatch(Unavailable):
    """The store has a format that this version of the hub cannot use."""

    code = "format-mismatch"

    def __init__(self, *, stored: int, oldest: int, newest: int) -> None:
        known = f"format {newest}" if oldest == newest else f"formats {oldest} to {newest}"
        remedy = (
            "a newer version has written it: deploy that version, or a later one"
            if stored > newest
            else "deploy the version that has written it, export the events, and load them into a new store"
        )
        super().__init__(f"the store has format {stored}, and this version of the hub uses {known}; {remedy}")
