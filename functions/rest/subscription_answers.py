"""Durable subscriptions as JSON members of responses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from eventstore.cloudevents.event import rfc3339

if TYPE_CHECKING:
    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.durable.directory import ParkedStream
    from eventstore.durable.status import PartitionStanding, Standing
    from eventstore.subscriptions import Durable
    from functions.answers.subscriptions import (
        DeadLetter,
        Figures,
        Lags,
        Subscription,
        SubscriptionStanding,
        SubscriptionSummary,
    )

__all__ = ["dead_letter", "definition", "standing", "summary"]


def definition(durable: Durable) -> Subscription:
    """Return the definition of a durable subscription."""
    subscription: Subscription = {
        "id": durable.name,
        "filters": json.loads(durable.own_filter.text),
        "ack_deadline": durable.rules.ack_deadline_ms // 1000,
        "max_attempts": durable.rules.max_attempts,
        "max_in_flight": durable.rules.max_in_flight,
        "created": rfc3339(durable.created),
        "version": durable.version,
    }
    if durable.reference:
        subscription["filter_name"] = durable.reference.name
    if durable.streams:
        subscription["stream"] = durable.streams
    return subscription


def standing(status: Standing, *, now: int) -> SubscriptionStanding:
    """Return the definition, the members and the figures of a durable subscription, in total and per partition.

    Args:
        status: The status of the subscription.
        now: Milliseconds since 1970.
    """
    return {
        **definition(status.durable),
        **_figures(status, now),
        "cursor": status.cursor,
        "members": [{"connection": member.connection, "id": member.id} for member in status.members],
        "partitions": [
            {"partition": part.partition, "owner": part.owner, "version": part.version, **_figures(part, now)}
            for part in status.partitions
        ],
    }


def summary(status: Standing, *, now: int) -> SubscriptionSummary:
    """Return the figures of a durable subscription in total.

    Args:
        status: The status of the subscription.
        now: Milliseconds since 1970.
    """
    return {"id": status.durable.name, "members": len(status.members), **_figures(status, now)}


def dead_letter(entry: ParkedStream, event: RecordedEvent | None) -> bytes:
    """Return a parked stream as JSON.

    Args:
        entry: The parked stream.
        event: The event that failed; None omits it.
    """
    parked = entry.parked
    members: DeadLetter = {
        "subscription": entry.subscription,
        "stream": entry.stream,
        "partition": entry.partition,
        "sequence": parked.sequence,
        "attempts": parked.attempts,
        "errors": parked.errors,
        "since": rfc3339(parked.since),
        "letters": parked.letters,
    }
    encoded = json.dumps(members, separators=(",", ":")).encode()
    return encoded if event is None else b'%b,"event":%b}' % (encoded[:-1], event.encoded())


def _figures(status: Standing | PartitionStanding, now: int) -> Figures:
    lags: Lags = {} if status.lag is None else {"lag": status.lag, "lag_more": status.lag_more}
    if status.log_lag is not None:
        lags["log_lag"] = status.log_lag
    return {
        **lags,
        "in_flight": status.in_flight,
        "held": status.held,
        "parked": status.parked,
        "full": status.full,
        # The store's clock may be ahead of this process's clock.
        "oldest_age": None if status.oldest is None else max(0, now - status.oldest) / 1000,
    }
