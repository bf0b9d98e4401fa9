"""Refusals over WebSocket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from tests.e2e.live import SECONDS, Client, opened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.e2e.hubs import Hub


@pytest.mark.needs("refusals")
@pytest.mark.parametrize(
    ("subprotocol", "query"),
    [
        ("graphql-ws", []),
        ("cloudevents.json", [("filter", "type LIKE")]),
        ("cloudevents.json", [("kind", "t")]),
        ("cloudevents.json", [("cursor", "none")]),
        ("cloudevents.json", [("from", "start"), ("from", "now")]),
        ("eventstore.v1", [("type", "t")]),
    ],
)
def test_an_invalid_handshake_is_refused_with_400(hub: Hub, subprotocol: str, query: Sequence[tuple[str, str]]) -> None:
    with pytest.raises(InvalidStatus) as refused:
        opened(hub, query, subprotocols=[Subprotocol(subprotocol)])
    assert refused.value.response.status_code == 400


@pytest.mark.needs("subprotocols")
def test_pages_of_another_port_on_localhost_may_connect(hub: Hub) -> None:
    """On AWS, pages of any origin may connect; tests/e2e/dev/test_origins.py tests the local stack's refusals."""
    names = [Subprotocol("cloudevents.json")]
    with opened(hub, origin=Origin("http://localhost:3000"), subprotocols=names) as page:
        assert page.subprotocol == "cloudevents.json"


def test_without_a_subprotocol_the_connection_speaks_eventstore_v1(hub: Hub) -> None:
    with opened(hub) as socket:
        assert socket.subprotocol is None
        socket.send('{"action":"ping","request":"p"}')
        assert json.loads(socket.recv(SECONDS)) == {"type": "pong", "request": "p"}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("[", {"code": "malformed"}),
        ({"action": "fly"}, {"code": "unknown-action", "pointer": "/action"}),
        ({"action": "subscribe"}, {"code": "invalid-request", "pointer": "/id"}),
        ({"action": "ping", "much": 1}, {"code": "invalid-request", "pointer": "/much"}),
        (
            {"action": "subscribe", "id": "s", "filters": [{"prefix": 1}]},
            {"code": "invalid-filter", "pointer": "/filters/0/prefix", "id": "s"},
        ),
        (
            {"action": "subscribe", "id": "s", "filters": [{"sql": "a ="}], "request": "r"},
            {"code": "invalid-filter", "position": 3, "id": "s", "request": "r"},
        ),
        ({"action": "subscribe", "id": "s", "cursor": "none"}, {"code": "invalid-cursor", "pointer": "/cursor"}),
        ({"action": "subscribe", "id": "s", "stream": "a b"}, {"code": "invalid-stream"}),
        ({"action": "unsubscribe", "id": "s"}, {"code": "subscription-not-found", "id": "s"}),
        ({"action": "publish", "events": [{"id": "1"}]}, {"code": "invalid-event"}),
    ],
)
def test_an_invalid_message_is_answered_with_an_error_and_the_connection_stays_open(
    client: Client, message: Mapping[str, object] | str, expected: Mapping[str, object]
) -> None:
    answer = client.ask(message)
    assert (answer["type"], answer.items() >= expected.items()) == ("error", True), answer
    assert client.ask({"action": "ping"}) == {"type": "pong"}


def test_a_subscription_id_can_be_used_once(client: Client) -> None:
    client.subscribe()
    client.ask({"action": "unsubscribe", "id": "s"})
    assert client.subscribe()["code"] == "subscription-conflict"
