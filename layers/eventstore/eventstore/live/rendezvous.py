"""Which instance of the server dispatches which partition: rendezvous hashing, also called highest random weight."""

from __future__ import annotations

from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.ports import InstanceId

__all__ = ["partition_owner"]


def partition_owner(partition: int, instances: Sequence[InstanceId]) -> InstanceId:
    """Return the instance that a partition falls to.

    Instances that know of the same instances come to the same result, in whatever order they know them. If an instance
    leaves, only its own partitions move; if one joins, partitions move to it only.

    Args:
        partition: The partition's number.
        instances: The instances that are alive; at least one.

    Raises:
        ValueError: There are no instances.
    """
    return max(instances, key=partial(_weight, partition))


def _weight(partition: int, instance: InstanceId) -> tuple[bytes, InstanceId]:
    # Not `hash`, which differs from process to process. The id decides between equal weights.
    return blake2b(f"{partition}/{instance}".encode(), digest_size=8).digest(), instance
