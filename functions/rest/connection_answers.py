"""Connections as JSON members of responses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from eventstore.cloudevents.event import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.live.open_connections import ConnectionStatus, Membership
    from eventstore.ports import EphemeralRecord

__all__ = ["connection_status"]


def connection_status(status: ConnectionStatus) -> bytes:
    """Return a connection with its subscriptions as JSON."""
    connection = status.connection
    members = {
        "id": connection.id,
        "connected": rfc3339(connection.opened),
        "protocol": connection.protocol,
        **({"subject": connection.subject} if connection.subject else {}),
        **({"tenants": list(connection.tenants)} if connection.tenants else {}),
        **({"prefixes": list(connection.prefixes)} if connection.prefixes else {}),
        "in_flight": status.in_flight,
        "subscriptions": [*map(_ephemeral, status.ephemeral), *map(_membership, status.memberships)],
    }
    # ASCII: a subject may hold a lone surrogate, which has no UTF-8.
    return json.dumps(members, separators=(",", ":")).encode()


def _ephemeral(subscription: EphemeralRecord) -> dict[str, Any]:
    return {
        "id": subscription.id,
        "filters": json.loads(subscription.filters),
        **({"stream": list(subscription.streams)} if subscription.streams else {}),
        "frames": _frames(subscription.frames),
    }


def _membership(membership: Membership) -> dict[str, Any]:
    return {
        "id": membership.id,
        "subscription": membership.durable,
        "in_flight": membership.in_flight,
        "frames": _frames(membership.frames),
    }


def _frames(frames: Mapping[int, int]) -> list[dict[str, int]]:
    return [{"partition": partition, "frame": frames[partition]} for partition in sorted(frames)]
