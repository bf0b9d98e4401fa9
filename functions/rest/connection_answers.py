"""Connections as JSON members of responses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from eventstore.cloudevents.event import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.live.open_connections import ConnectionStatus, Membership
    from eventstore.ports import EphemeralRecord
    from functions.answers.connections import Connection, ConnectionMembership, ConnectionSubscription, LastFrame

__all__ = ["connection_status"]


def connection_status(status: ConnectionStatus) -> bytes:
    """Return a connection with its subscriptions as JSON."""
    connection = status.connection
    members: Connection = {
        "id": connection.id,
        "connected": rfc3339(connection.opened),
        "protocol": connection.protocol,
        "in_flight": status.in_flight,
        "subscriptions": [*map(_ephemeral, status.ephemeral), *map(_membership, status.memberships)],
    }
    if connection.subject:
        members["subject"] = connection.subject
    if connection.tenants:
        members["tenants"] = connection.tenants
    if connection.prefixes:
        members["prefixes"] = connection.prefixes
    # ASCII: a subject may hold a lone surrogate, which has no UTF-8.
    return json.dumps(members, separators=(",", ":")).encode()


def _ephemeral(record: EphemeralRecord) -> ConnectionSubscription:
    subscription: ConnectionSubscription = {
        "id": record.id,
        "filters": json.loads(record.filters),
        "frames": _frames(record.frames),
    }
    if record.streams:
        subscription["stream"] = record.streams
    return subscription


def _membership(membership: Membership) -> ConnectionMembership:
    return {
        "id": membership.id,
        "subscription": membership.durable,
        "in_flight": membership.in_flight,
        "frames": _frames(membership.frames),
    }


def _frames(frames: Mapping[int, int]) -> Sequence[LastFrame]:
    return [{"partition": partition, "frame": frames[partition]} for partition in sorted(frames)]
