"""Requests without a valid key are refused; and the ways in which a browser can send a key."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from websockets.exceptions import InvalidHandshake
from websockets.typing import Subprotocol

from tests.e2e.live import SECONDS, Client, opened

if TYPE_CHECKING:
    from tests.e2e.hubs import Hub

pytestmark = pytest.mark.needs("closed-doors")


@pytest.mark.parametrize("key", ["", "wrong"])
def test_without_a_known_key_no_request_is_accepted(hub: Hub, key: str) -> None:
    answer = replace(hub, key=key).call("GET", "/api/v1/streams")
    assert answer.status in {401, 403}
    assert "streams" not in answer.json()


@pytest.mark.parametrize("key", ["", "wrong"])
def test_without_a_known_key_no_connection_is_accepted(hub: Hub, key: str) -> None:
    with pytest.raises(InvalidHandshake):
        Client(replace(hub, key=key))


def test_a_key_may_be_sent_like_a_token(hub: Hub) -> None:
    shown = {"Authorization": f"Bearer {hub.key}"}
    assert replace(hub, key="").call("GET", "/api/v1/streams", headers=shown).status == 200


def test_a_browser_may_send_a_key_in_the_url(hub: Hub) -> None:
    with opened(replace(hub, key=""), [("access_token", hub.key)]) as socket:
        socket.send('{"action":"ping"}')
        assert json.loads(socket.recv(SECONDS)) == {"type": "pong"}


def test_a_browser_may_send_a_key_as_a_subprotocol(hub: Hub) -> None:
    shown = "bearer." + urlsafe_b64encode(hub.key.encode()).decode().rstrip("=")
    names = [Subprotocol("eventstore.v1"), Subprotocol(shown)]
    with opened(replace(hub, key=""), subprotocols=names) as socket:
        socket.send('{"action":"ping"}')
        assert json.loads(socket.recv(SECONDS)) == {"type": "pong"}
