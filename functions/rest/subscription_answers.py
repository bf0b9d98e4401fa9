"""Durable subscriptions as clients are told of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from eventstore.cloudevents.event import rfc3339

if TYPE_CHECKING:
    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.durable.directory import ParkedStream
    from eventstore.durable.status import PartitionStanding, Standing
    from eventstore.subscriptions import Durable

__all__ = ["dead_letter", "definition", "standing", "summary"]


def definition(durable: Durable) -> dict[str, Any]:
    """What its creator asked for."""
    return {
        "id": durable.name,
        "filters": json.loads(durable.filter.text),
        **({"stream": list(durable.streams)} if durable.streams else {}),
        "ack_deadline": durable.rules.ack_deadline // 1000,
        "max_attempts": durable.rules.max_attempts,
        "max_in_flight": durable.rules.max_in_flight,
        "created": rfc3339(durable.created),
        "version": durable.version,
    }


def standing(found: Standing, *, now: int) -> dict[str, Any]:
    """What it is, who takes part, and how far it is, in all and per partition."""
    return {
        **definition(found.durable),
        **_figures(found, now),
        "cursor": found.cursor,
        "members": [{"connection": member.connection, "id": member.id} for member in found.members],
        "partitions": [
            {"partition": one.partition, "owner": one.owner, "version": one.version, **_figures(one, now)}
            for one in found.partitions
        ],
    }


def summary(found: Standing, *, now: int) -> dict[str, Any]:
    """How far it is, in all."""
    return {"id": found.durable.name, "members": len(found.members), **_figures(found, now)}


def dead_letter(found: ParkedStream, event: RecordedEvent | None) -> bytes:
    """A parked stream as JSON, with the event that failed, as it was published, if it is given."""
    parked = found.parked
    members = {
        "subscription": found.subscription,
        "stream": found.stream,
        "partition": found.partition,
        "sequence": parked.sequence,
        "attempts": parked.attempts,
        "errors": parked.errors,
        "since": rfc3339(parked.since),
        "letters": parked.letters,
    }
    encoded = json.dumps(members, separators=(",", ":")).encode()
    return encoded if event is None else b'%b,"event":%b}' % (encoded[:-1], event.encoded())


def _figures(found: Standing | PartitionStanding, now: int) -> dict[str, Any]:
    return {
        **({} if found.lag is None else {"lag": found.lag, "lag_more": found.lag_more}),
        **({} if found.log_lag is None else {"log_lag": found.log_lag}),
        "in_flight": found.in_flight,
        "held": found.held,
        "parked": found.parked,
        "full": found.full,
        # The store's clock may be ahead of this one.
        "oldest_age": None if found.oldest is None else max(0, now - found.oldest) / 1000,
    }
