from __future__ import annotations

import pytest

from eventstore_client import AwsIam, Bearer, ConnectFailed, EventStore, Unencrypted
from eventstore_client.transport import private_url, websocket_url


def test_the_websocket_address_of_a_local_hub_follows_from_its_rest_address() -> None:
    assert websocket_url(None, url="http://127.0.0.1:8081") == "ws://127.0.0.1:8081/ws"


def test_an_explicit_websocket_address_is_used() -> None:
    assert websocket_url("wss://x.example/prod", url="http://127.0.0.1:8081") == "wss://x.example/prod"


@pytest.mark.parametrize("url", ["https://x.execute-api.eu-west-1.amazonaws.com/Prod", "http://127.0.0.1/behind"])
def test_no_websocket_address_is_guessed_from_an_unknown_address(url: str) -> None:
    with pytest.raises(ConnectFailed, match="EVENTSTORE_WEBSOCKET_URL"):
        websocket_url(None, url=url)


@pytest.mark.parametrize("given", ["http://127.0.0.1:8081/ws", "ws://", "127.0.0.1"])
def test_an_invalid_websocket_address_is_reported(given: str) -> None:
    with pytest.raises(ConnectFailed, match="such as ws://"):
        websocket_url(given, url="http://127.0.0.1:8081")


HERE = [
    "http://127.0.0.1:8081",
    "ws://127.255.0.9/ws",
    "http://[::1]:8081",
    "ws://localhost:8081/ws",
    "http://LOCALHOST",
]
ELSEWHERE = [
    "http://hub.example",
    "HTTP://10.0.0.7:8081",
    "ws://hub.example/ws",
    "ws://[2001:db8::1]/ws",
    "http://localhost.example",
    "http://127.0.0.1.example",
    "http://127.0.0.1@hub.example",
]


@pytest.mark.parametrize("url", [*HERE, "https://hub.example/v1", "wss://hub.example/ws"])
def test_credentials_are_sent_to_localhost_and_over_encrypted_connections(url: str) -> None:
    assert private_url(url, Bearer("t")) == url


@pytest.mark.parametrize("url", ELSEWHERE)
@pytest.mark.parametrize("credentials", [Bearer("secret"), AwsIam()])
def test_credentials_are_not_sent_in_clear(url: str, credentials: Bearer | AwsIam) -> None:
    with pytest.raises(Unencrypted, match=f"{credentials} cannot be sent") as refused:
        private_url(url, credentials)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", ELSEWHERE)
def test_without_credentials_any_address_is_allowed(url: str) -> None:
    assert private_url(url, None) == url


def test_a_remote_unencrypted_hub_is_not_opened_with_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EVENTSTORE_API_KEY", "k")
    with pytest.raises(Unencrypted, match=r"http://hub\.example"):
        EventStore("http://hub.example")


def test_the_websocket_address_is_not_opened_in_clear_with_credentials() -> None:
    with EventStore("https://hub.example", websocket_url="ws://hub.example/ws", credentials=Bearer("t")) as store:
        with pytest.raises(Unencrypted, match="use a wss:// address"):
            store.subscribe()
        with pytest.raises(Unencrypted, match="use a wss:// address"):
            store.work("w")
