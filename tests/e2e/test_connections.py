"""An operator lists the connections, and closes one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.e2e.dev.conftest import wait_until
from tests.e2e.live import Bare, Client, event, publish

if TYPE_CHECKING:
    from tests.e2e.hubs import Hub


def listed(hub: Hub) -> list[dict[str, Any]]:
    reply = hub.call("GET", "/api/v1/connections")
    assert reply.status == 200, reply.data
    connections: list[dict[str, Any]] = reply.json()["connections"]
    return connections


def only(hub: Hub) -> str:
    """The id of the connection; there is one."""
    [connection] = listed(hub)
    return str(connection["id"])


def frames(hub: Hub) -> list[int]:
    """The last frames of the only subscription; a turn stores them after it has sent them."""
    [connection] = listed(hub)
    return [frame["frame"] for frame in connection["subscriptions"][0]["frames"]]


def close(hub: Hub, connection: str) -> int:
    return hub.call("DELETE", f"/api/v1/connections/{connection}").status


def test_a_client_is_listed_with_its_subscription_then_closed_with_the_reason(hub: Hub) -> None:
    with Client(hub) as client:
        client.subscribe("mine", filters=[{"exact": {"type": "t"}}], stream="wf-1")
        publish(hub, event(1))
        client.until(lambda: client.following["mine"].ids == ["1"] and client.following["mine"].live)
        wait_until(lambda: frames(hub) == [2], what="the turn is committed")
        [connection] = listed(hub)
        [subscription] = connection["subscriptions"]
        assert (connection["protocol"], subscription["id"], subscription["stream"]) == (
            "eventstore.v1",
            "mine",
            ["wf-1"],
        )
        assert subscription["filters"] == [{"exact": {"type": "t"}}]
        assert close(hub, connection["id"]) == 204
        publish(hub, event(2))
        farewell = client.receive()
        assert (farewell["type"], farewell["code"]) == ("error", "connection-not-found")
        with pytest.raises(ConnectionClosed):
            client.receive()
    assert listed(hub) == []
    assert close(hub, connection["id"]) == 404


def test_a_client_of_bare_events_is_closed_with_the_reason(hub: Hub) -> None:
    with Bare(hub, ("stream", "wf-1")) as client:
        client.subscribed()
        assert close(hub, only(hub)) == 204
        assert client.word("closed")["data"]["code"] == "connection-not-found"
        with pytest.raises(ConnectionClosed):
            client.receive()


def test_the_sdk_connects_again_and_misses_nothing(hub: Hub) -> None:
    with hub.client() as store, store.subscribe() as subscription:
        store.publish([event(1)])
        assert next(subscription).id == "1"
        first = only(hub)
        assert close(hub, first) == 204
        store.publish([event(2)])
        assert next(subscription).id == "2"
        assert only(hub) != first


def test_a_worker_goes_on_after_its_connection_was_closed(hub: Hub) -> None:
    body, media_type = b'{"id":"workers","from":"start"}', {"Content-Type": "application/json"}
    assert hub.call("POST", "/api/v1/subscriptions", body=body, headers=media_type).status == 201
    handled: list[str] = []
    with hub.client() as store, store.work("workers") as worker:
        store.publish([event(1)])

        def handle(received: Any) -> None:  # noqa: ANN401 - an event
            handled.append(received.id)
            if received.id == "1" and len(handled) == 1:
                wait_until(lambda: listed(hub)[0]["in_flight"] == 1, what="the turn is committed")
                [connection] = listed(hub)
                assert connection["subscriptions"][0]["subscription"] == "workers"
                assert close(hub, connection["id"]) == 204
                store.publish([event(2)])
            if received.id == "2":
                worker.close()

        worker.run(handle)
    assert handled[-1] == "2"
