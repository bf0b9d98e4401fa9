from __future__ import annotations

import pytest

from eventstore_client import ConnectFailed
from eventstore_client.transport import websocket_url


def test_a_hub_of_one_machine_answers_over_websocket_beside_its_rest_address() -> None:
    assert websocket_url(None, url="http://127.0.0.1:8081") == "ws://127.0.0.1:8081/ws"


def test_the_address_given_is_the_one() -> None:
    assert websocket_url("wss://x.example/prod", url="http://127.0.0.1:8081") == "wss://x.example/prod"


@pytest.mark.parametrize("url", ["https://x.execute-api.eu-west-1.amazonaws.com/Prod", "http://127.0.0.1/behind"])
def test_an_address_that_does_not_tell_is_not_guessed_from(url: str) -> None:
    with pytest.raises(ConnectFailed, match="EVENTSTORE_WEBSOCKET_URL"):
        websocket_url(None, url=url)


@pytest.mark.parametrize("given", ["http://127.0.0.1:8081/ws", "ws://", "127.0.0.1"])
def test_what_is_no_address_of_a_websocket_is_named(given: str) -> None:
    with pytest.raises(ConnectFailed, match="such as ws://"):
        websocket_url(given, url="http://127.0.0.1:8081")
