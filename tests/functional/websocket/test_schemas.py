"""Schemas that are enforced hold for events over WebSocket, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore.access import FULL
from functions.hub import hub
from tests.functional.rest.api import cloudevent

if TYPE_CHECKING:
    from tests.functional.websocket.clients import Gateway


@pytest.fixture(autouse=True)
def _enforced(gateway: Gateway) -> None:
    assert gateway
    schema = {"properties": {"amount": {"type": "number"}}}
    hub().schema_admin.put("order.placed", schema, enforce=True, access=FULL)


def test_a_publish_of_data_that_do_not_match_is_refused_with_the_place(gateway: Gateway) -> None:
    client, _ = gateway.connect()
    events = [cloudevent("1"), cloudevent("2", type="order.placed", data={"amount": "5"})]
    answer = client.send({"action": "publish", "events": events, "stream": "wf"})
    assert (answer["type"], answer["code"], answer["pointer"]) == ("error", "invalid-event", "/1/data/amount")
    events[1]["data"] = {"amount": 5}
    assert client.send({"action": "publish", "events": events, "stream": "wf"})["type"] == "published"


def test_an_event_of_a_bare_connection_is_refused_with_an_event(gateway: Gateway) -> None:
    client, _ = gateway.connect(protocols=["cloudevents.json"])
    answer = client.send(cloudevent("1", type="order.placed", data={"amount": "5"}))
    assert (answer["type"], answer["data"]["code"]) == ("io.flunq.hub.refused", "invalid-event")
    assert answer["data"]["pointer"] == "/data/amount"
