"""Statistics as JSON members of responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from eventstore.cloudevents.event import rfc3339
from eventstore.hub.backends import capabilities_of
from functions.rest.subscription_answers import summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.access import Access
    from eventstore.hub.hub import Hub
    from eventstore.ports import PartitionStats
    from functions.answers.about import Backend, BackendState, Counts, Stats

__all__ = ["backend_of", "stats_of"]


def stats_of(hub: Hub, *, access: Access) -> Stats:
    """Return counts of the store, in total and per partition, and the figures of durable subscriptions.

    Args:
        hub: The hub.
        access: The caller's access; it needs the scope `admin`.

    Raises:
        Forbidden: The access has not the scope.
    """
    now = hub.clock.now()
    statistics = hub.operations.statistics(access=access)
    counts: Counts = {} if statistics is None else _counts(statistics)
    summaries = [summary(status, now=now) for status in hub.directory.standings(access=access)]
    name = backend_of(hub)
    backend: BackendState = {"name": name, "capabilities": capabilities_of(hub.settings)}
    if statistics is not None:
        backend["lag"] = hub.journal_lag()
    partitions = hub.operations.partitions(access=access)
    return {"partitions": partitions, "backend": backend, **counts, "subscriptions": summaries}


def backend_of(hub: Hub) -> Backend:
    """Return the name of the backend (`BACKEND`)."""
    return cast("Backend", hub.settings.backend)


def _counts(partitions: Sequence[PartitionStats]) -> Counts:
    newest = max((part.newest for part in partitions if part.newest is not None), default=None)
    return {
        "streams": sum(part.streams for part in partitions),
        "appends": sum(part.appends for part in partitions),
        "newest": None if newest is None else rfc3339(newest),
        "by_partition": [
            {
                "partition": part.partition,
                "streams": part.streams,
                "appends": part.appends,
                "newest": None if part.newest is None else rfc3339(part.newest),
            }
            for part in partitions
        ],
    }
