"""A named filter, with the whole hub behind it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.e2e.live import Client, event, publish

if TYPE_CHECKING:
    from tests.e2e.hubs import Hub


def call(hub: Hub, method: str, path: str, headers: dict[str, str] | None = None, **members: object) -> tuple[int, Any]:
    body = json.dumps(members).encode() if members else None
    kind = {"Content-Type": "application/json"} if members else {}
    reply = hub.call(method, f"/api/v1/{path}", body=body, headers={**kind, **(headers or {})})
    return reply.status, reply.json() if reply.data else None


def received(client: Client, count: int) -> list[str]:
    """The ids of the next events; each message is acknowledged."""
    ids: list[str] = []
    while len(ids) < count:
        message = client.receive()
        if message["type"] == "events":
            ids += [received["id"] for received in message["events"]]
            client.send({"action": "ack", "id": message["id"], "cursor": message["cursor"]})
    return ids


def test_a_durable_subscription_and_a_read_follow_the_changes_of_the_filter_that_they_name(
    hub: Hub, client: Client
) -> None:
    path, stream = "filters/e2e-chosen", "named-filters"

    def store(number: int) -> None:
        publish(hub, *(event(f"{kind}-{number}", stream=stream, type=kind) for kind in ("a", "b")))

    status, made = call(hub, "PUT", path, {"If-None-Match": "*"}, filters=[{"exact": {"type": "a"}}])
    assert (status, made["version"]) == (201, 1)
    named = {"id": "e2e-named", "stream": stream, "filter_name": "e2e-chosen"}
    assert call(hub, "POST", "subscriptions", **named)[0] == 201
    client.send({"action": "subscribe", "id": "w", "subscription": "e2e-named"})
    store(1)
    assert received(client, 1) == ["a-1"]

    assert call(hub, "PUT", path, {"If-None-Match": "*"}, filters=[])[0] == 412
    status, changed = call(hub, "PUT", path, filters=[{"exact": {"type": "b"}}])
    assert (status, changed["version"]) == (200, 2)
    store(2)
    assert received(client, 1) == ["b-2"]
    page = call(hub, "GET", f"streams/{stream}/events?filter_name=e2e-chosen")[1]
    assert [read["id"] for read in page["events"]] == ["b-1", "b-2"]

    assert call(hub, "DELETE", path)[1]["code"] == "filter-in-use"
    assert call(hub, "DELETE", "subscriptions/e2e-named")[0] == 204
    assert call(hub, "DELETE", path)[0] == 204
    assert call(hub, "GET", path)[0] == 404
