"""Durable subscriptions as JSON members of responses."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from eventstore.cloudevents.event import rfc3339

if TYPE_CHECKING:
    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.durable.directory import ParkedStream
    from eventstore.durable.status import PartitionStanding, Standing
    from eventstore.groups import Circuit
    from eventstore.subscriptions import Durable
    from eventstore.subscriptions import Target as PushTarget
    from functions.answers.subscriptions import Circuit as CircuitMembers
    from functions.answers.subscriptions import (
        Circuits,
        DeadLetter,
        Figures,
        HttpTarget,
        Lags,
        PartitionCircuit,
        Subscription,
        SubscriptionPartition,
        SubscriptionStanding,
        SubscriptionSummary,
        Target,
    )

__all__ = ["HIDDEN", "dead_letter", "definition", "standing", "summary", "target_members"]

HIDDEN = "***"
"""Stands for the value of a header, which may be a credential."""


def definition(durable: Durable) -> Subscription:
    """Return the definition of a durable subscription."""
    subscription: Subscription = {
        "id": durable.name,
        "filters": json.loads(durable.own_filter.text),
        "ack_deadline": durable.settings.ack_deadline_ms // 1000,
        "max_attempts": durable.settings.max_attempts,
        "max_in_flight": durable.settings.max_in_flight,
        "created": rfc3339(durable.created),
        "version": durable.version,
    }
    if durable.reference:
        subscription["filter_name"] = durable.reference.name
    if durable.streams:
        subscription["stream"] = durable.streams
    if durable.target is not None:
        hidden = tuple((name, HIDDEN) for name, _ in durable.target.headers)
        subscription["target"] = target_members(replace(durable.target, headers=hidden))
    return subscription


def target_members(target: PushTarget) -> Target:
    """Return a target in the form in which bodies name it, with the values of its headers."""
    batch, concurrency = target.batch, target.concurrency
    match target.kind:
        case "lambda":
            return {"lambda": target.address, "batch": batch, "concurrency": concurrency}
        case "sqs":
            return {"sqs": target.address, "batch": batch, "concurrency": concurrency}
        case "eventbridge":
            return {"eventbridge": target.address, "batch": batch, "concurrency": concurrency}
        case "kafka":
            return {"kafka": target.address, "batch": batch, "concurrency": concurrency}
        case _:
            members: HttpTarget = {
                "http": target.address,
                "batch": batch,
                "concurrency": concurrency,
                "mode": target.mode,
            }
            if target.headers:
                members["headers"] = dict(target.headers)
            if target.secret:
                members["secret"] = target.secret
            return members


def standing(status: Standing, *, now: int) -> SubscriptionStanding:
    """Return the definition, the members and the figures of a durable subscription, in total and per partition.

    Args:
        status: The status of the subscription.
        now: Milliseconds since 1970.
    """
    has_target = status.durable.target is not None
    return {
        **definition(status.durable),
        **_figures(status, now),
        **_circuits(status),
        "cursor": status.cursor,
        "members": [{"connection": member.connection, "id": member.id} for member in status.members],
        "partitions": [_partition(part, now, has_target=has_target) for part in status.partitions],
    }


def summary(status: Standing, *, now: int) -> SubscriptionSummary:
    """Return the figures of a durable subscription in total.

    Args:
        status: The status of the subscription.
        now: Milliseconds since 1970.
    """
    return {"id": status.durable.name, "members": len(status.members), **_figures(status, now), **_circuits(status)}


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


def _partition(status: PartitionStanding, now: int, *, has_target: bool) -> SubscriptionPartition:
    circuit: PartitionCircuit = {"circuit": _circuit(status.circuit, now)} if has_target else {}
    return {
        "partition": status.partition,
        "owner": status.owner,
        **circuit,
        "version": status.version,
        **_figures(status, now),
    }


def _circuit(circuit: Circuit, now: int) -> CircuitMembers:
    if not circuit.is_open and circuit.until <= now:
        return {"state": "closed"}
    state = "open" if circuit.is_open else "paused"
    return {"state": state, "reason": circuit.reason, "next_try": rfc3339(circuit.until)}


def _circuits(status: Standing) -> Circuits:
    return {} if status.durable.target is None else {"open_circuits": status.open_circuits}


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
