"""Where a request carries its credential."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.errors import Unauthorized
from functions.authorizer.credentials import credential_of

if TYPE_CHECKING:
    from pathlib import Path

_TOKENS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=60)


def request(*, socket: bool = False, query: dict[str, list[str]] | None = None, **headers: list[str]) -> dict[str, Any]:
    """The event with which the gateway asks the authorizer about a request."""
    return {
        "multiValueHeaders": {name.replace("_", "-"): values for name, values in headers.items()},
        "multiValueQueryStringParameters": query,
        "requestContext": {"connectionId": "c="} if socket else {},
    }


def subprotocol(token: str) -> str:
    return f"bearer.{urlsafe_b64encode(token.encode()).rstrip(b'=').decode()}"


@given(_TOKENS, st.sampled_from(["Bearer ", "bearer ", "BEARER  "]))
def test_the_credential_follows_the_scheme(token: str, scheme: str) -> None:
    assert credential_of(request(Authorization=[scheme + token])) == token


@given(_TOKENS)
def test_the_credential_may_be_in_its_own_header(token: str) -> None:
    assert credential_of(request(x_API_key=[token])) == token


@given(_TOKENS)
def test_a_browser_sends_the_credential_as_a_subprotocol(token: str) -> None:
    offered = ["cloudevents.json, " + subprotocol(token), "eventstore.v1"]
    assert credential_of(request(socket=True, Sec_WebSocket_Protocol=offered)) == token


@given(_TOKENS)
def test_a_browser_sends_the_credential_in_the_query(token: str) -> None:
    assert credential_of(request(socket=True, query={"access_token": [token], "type": ["a"]})) == token


def test_the_query_of_a_rest_request_carries_no_credential() -> None:
    with pytest.raises(Unauthorized, match="no credential"):
        credential_of(request(query={"access_token": ["t"]}, Sec_WebSocket_Protocol=[subprotocol("t")]))


def test_the_same_credential_may_be_sent_twice() -> None:
    assert credential_of(request(socket=True, query={"access_token": ["t"]}, Authorization=["Bearer t"])) == "t"


@pytest.mark.parametrize(
    "event",
    [
        request(Authorization=["Bearer one"], X_Api_Key=["two"]),
        request(Authorization=["Bearer one", "Bearer two"]),
        request(socket=True, query={"access_token": ["one", "two"]}),
        request(socket=True, query={"access_token": ["one"]}, Sec_WebSocket_Protocol=[subprotocol("two")]),
    ],
)
def test_two_different_credentials_are_refused(event: dict[str, Any]) -> None:
    with pytest.raises(Unauthorized, match="several"):
        credential_of(event)


@pytest.mark.parametrize(
    "event",
    [
        request(),
        {"multiValueHeaders": None, "multiValueQueryStringParameters": None, "requestContext": {}},
        request(Authorization=["Basic c2VjcmV0"]),
        request(Authorization=["Bearer"]),
        request(Authorization=["Bearer secret secret"]),
        request(Authorization=["secret"]),
        request(X_Api_Key=[""]),
        request(X_Api_Key=["sécret"]),
        request(X_Api_Key=["s" * 8193]),
        request(socket=True, query={"access_token": [""]}),
        request(socket=True, Sec_WebSocket_Protocol=["bearer.c"]),
        request(socket=True, Sec_WebSocket_Protocol=["bearer._____"]),
        request(socket=True, Sec_WebSocket_Protocol=["bearer.sec=ret", "eventstore.v1"]),
    ],
)
def test_a_malformed_credential_is_refused_without_quoting_it(event: dict[str, Any]) -> None:
    with pytest.raises(Unauthorized) as refused:
        credential_of(event)
    assert not {"secret", "sécret", "c2VjcmV0", "_____"} & set(str(refused.value).replace(".", " ").split())


@given(st.dictionaries(st.sampled_from(["Authorization", "x-api-key", "Sec-WebSocket-Protocol"]), st.lists(st.text())))
def test_any_headers_are_a_credential_or_refused(headers: dict[str, list[str]]) -> None:
    event = {"multiValueHeaders": headers, "requestContext": {"connectionId": "c="}}
    with suppress(Unauthorized):
        assert credential_of(event)


@pytest.mark.parametrize("name", ["apiGatewayAuthorizerRequestEvent.json", "apiGatewayAuthorizerWebSocketEvent.json"])
def test_the_events_of_aws_are_read(material: Path, name: str) -> None:
    event = json.loads((material / "lambda-events" / name).read_text())
    event["multiValueHeaders"]["Authorization"] = ["Bearer token"]
    assert credential_of(event) == "token"
