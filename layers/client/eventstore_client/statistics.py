"""The statistics of a hub: what its store holds, and how far durable subscriptions are."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from eventstore_client.calls import Call, optional_time, path_of
from eventstore_client.subscription_status import SubscriptionSummary

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from eventstore_client.calls import Reply

__all__ = ["STATS", "PartitionStats", "Stats"]


@dataclass(frozen=True, slots=True)
class PartitionStats:
    """What one partition holds.

    Attributes:
        partition: The partition.
        streams: The number of its streams.
        appends: The number of publishes whose events are kept, in whole or in part.
        newest: When its newest event was stored; None if it has none.
    """

    partition: int
    streams: int
    appends: int
    newest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What the store holds, and how far durable subscriptions are.

    The hub does not report the counts of the store to credentials that are limited to some streams.

    Attributes:
        partitions: The number of partitions.
        backend: The name of the backend: `redis`, `nats` or `kafka`.
        capabilities: Whether the backend keeps each promise (docs/backends.md).
        index_lag: The records of the journal that its index does not have yet; None if it is not reported.
        streams: The number of streams; None if it is not reported.
        appends: The number of publishes whose events are kept; None if it is not reported.
        newest: When the newest event was stored; None if there is none, or if it is not reported.
        by_partition: What each partition holds; empty if it is not reported.
        subscriptions: How far each durable subscription is.
        raw: The statistics as the hub sent them, with members that this version of the client does not know.
    """

    partitions: int
    backend: str
    capabilities: Mapping[str, bool]
    index_lag: int | None
    streams: int | None
    appends: int | None
    newest: datetime | None
    by_partition: tuple[PartitionStats, ...]
    subscriptions: tuple[SubscriptionSummary, ...]
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def parse(cls, members: Mapping[str, Any]) -> Stats:
        """Parse statistics that the hub sent.

        Raises:
            KeyError, ValueError, TypeError: They are not statistics.
        """
        backend = members["backend"]
        return cls(
            partitions=int(members["partitions"]),
            backend=backend["name"],
            capabilities=MappingProxyType(dict(backend["capabilities"])),
            index_lag=backend.get("lag"),
            streams=members.get("streams"),
            appends=members.get("appends"),
            newest=optional_time(members.get("newest")),
            by_partition=tuple(
                PartitionStats(part["partition"], part["streams"], part["appends"], optional_time(part["newest"]))
                for part in members.get("by_partition", ())
            ),
            subscriptions=tuple(map(SubscriptionSummary.parse, members["subscriptions"])),
            raw=members,
        )


def _parse(reply: Reply) -> Stats:
    return Stats.parse(json.loads(reply.body))


STATS: Call[Stats] = Call(method="GET", path=path_of("stats"), parse=_parse)
"""The call for the statistics."""
