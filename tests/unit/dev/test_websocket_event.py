from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

from eventstore_dev.websocket.event import (
    Client,
    encode_connect,
    encode_disconnect,
    encode_message,
    encode_question,
    new_id,
)
from eventstore_hosting.wire import Closure

CLIENT = Client(
    connection_id="BFHPhfCWIAMCKlQ=",
    api="SocketApi",
    stage="ws",
    domain="127.0.0.1:8081",
    source_ip="127.0.0.1",
    user_agent="test/1",
    connected_at=1772600767.25,
)


def connect(*, headers: tuple[tuple[str, str], ...] = (), query: str = "", client: Client = CLIENT) -> dict[str, Any]:
    event = encode_connect(client, headers=headers, query=query, now=1772600767.5, request_id="r", trace_id="t")
    event_json: dict[str, Any] = json.loads(event)
    return event_json


def test_the_request_context_describes_the_connection() -> None:
    context = connect()["requestContext"]
    assert (context["apiId"], context["stage"], context["domainName"]) == ("socketapi", "ws", "127.0.0.1:8081")
    assert (context["connectedAt"], context["requestTimeEpoch"]) == (1772600767250, 1772600767500)
    assert context["requestTime"] == "04/Mar/2026:05:06:07 +0000"
    assert context["identity"] == {"sourceIp": "127.0.0.1", "userAgent": "test/1"}


def test_a_client_without_a_name_has_none() -> None:
    client = dataclasses.replace(CLIENT, user_agent=None)
    assert connect(client=client)["requestContext"]["identity"] == {"sourceIp": "127.0.0.1"}


def test_the_gateway_adds_where_the_request_came_from() -> None:
    headers = connect(headers=(("Upgrade", "websocket"), ("X-Mine", "1")))["headers"]
    assert headers == {
        "X-Mine": "1",
        "X-Amzn-Trace-Id": "t",
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Port": "8081",
        "X-Forwarded-Proto": "http",
    }


def test_an_event_has_the_query_that_the_client_sent() -> None:
    event = connect(query="a=1&a=2&b=%26+c&d")
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": ["& c"], "d": [""]}
    assert event["queryStringParameters"] == {"a": "2", "b": "& c", "d": ""}
    assert "queryStringParameters" not in connect()


def test_a_message_is_text() -> None:
    event = json.loads(encode_message(CLIENT, "chat", '{"a":"ü"}', now=0, request_id="r"))
    assert (event["body"], event["isBase64Encoded"]) == ('{"a":"ü"}', False)
    assert (event["requestContext"]["routeKey"], event["requestContext"]["eventType"]) == ("chat", "MESSAGE")


def test_an_end_has_a_code_and_a_reason() -> None:
    context = json.loads(encode_disconnect(CLIENT, Closure(1001, "Going away"), now=0, request_id="r"))[
        "requestContext"
    ]
    assert (context["disconnectStatusCode"], context["disconnectReason"]) == (1001, "Going away")


def test_ids_look_like_awss_own() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{15}=", new_id())
    assert new_id() != new_id()


def test_an_authorizer_is_asked_with_the_handshake() -> None:
    question = json.loads(
        encode_question(CLIENT, arn="arn", headers=[("A", "1")], query="b=2", now=0, request_id="r", trace_id="t")
    )
    assert (question["type"], question["methodArn"], question["headers"]["A"]) == ("REQUEST", "arn", "1")
    assert question["multiValueQueryStringParameters"] == {"b": ["2"]}
    assert (question["requestContext"]["routeKey"], question["requestContext"]["eventType"]) == ("$connect", "CONNECT")


def test_every_event_has_the_context_of_the_authorizer() -> None:
    client = dataclasses.replace(CLIENT, authorizer={"scopes": "read"})
    events = [
        encode_connect(client, headers=[], query="", now=0, request_id="r", trace_id="t"),
        encode_message(client, "chat", "{}", now=0, request_id="r"),
        encode_disconnect(client, Closure(1001, "Going away"), now=0, request_id="r"),
    ]
    assert [json.loads(event)["requestContext"]["authorizer"] for event in events] == [{"scopes": "read"}] * 3
    assert "authorizer" not in json.loads(encode_message(CLIENT, "chat", "{}", now=0, request_id="r"))["requestContext"]
