"""What instances say of connections and durable subscriptions, and how they end connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.hubs import Hub
    from tests.e2e.live import Client

__all__ = ["farewell_of", "finished", "listed", "owned_by"]


def listed(hub: Hub) -> set[str]:
    """The ids of the connections, as an instance lists them."""
    return {connection["id"] for connection in hub.call("GET", "/api/v1/connections").json()["connections"]}


def finished(status: dict[str, Any]) -> bool:
    """Whether a durable subscription has handled everything."""
    return not status["lag"] + status["in_flight"] + status["held"]


def owned_by(count: int) -> Callable[[dict[str, Any]], bool]:
    """Whether so many members own all partitions."""

    def holds(body: dict[str, Any]) -> bool:
        owners = [partition["owner"] for partition in body["partitions"]]
        return all(owners) and len(set(owners)) == count

    return holds


def farewell_of(client: Client) -> tuple[str, int]:
    """The code of the error that ends a connection, and that of the close frame. Events before it are handled."""
    while (said := client.receive())["type"] != "error":
        following = client.following[said["id"]]
        if following.is_new(said["partition"], said["frame"], said["cursor"]):
            following.events += said.get("events", [])
    with pytest.raises(ConnectionClosed) as closed:
        client.receive()
    assert closed.value.rcvd is not None
    return said["code"], closed.value.rcvd.code
