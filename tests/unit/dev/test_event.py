from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from eventstore_dev.rest.event import Request, encode_event, encode_question, identity_of, is_binary
from eventstore_dev.rest.routing import Match
from eventstore_dev.template import RestApi, Route

REQUEST = Request(
    method="POST",
    path="/a/1",
    query="",
    protocol="HTTP/1.1",
    source_ip="127.0.0.1",
    port=8081,
    headers=(("Host", "hub.example.com:8081"), ("User-Agent", "test/1")),
    body=b"",
    request_id="r",
    extended_request_id="x",
    trace_id="t",
    time=datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC),
)
ROUTE = Route("POST", "/a/{id}", "F")


def event(*, binary: tuple[str, ...] = (), **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of a request
    match = Match(RestApi("Api", "v1", binary, (ROUTE,)), ROUTE, {"id": "1"})
    event_json: dict[str, Any] = json.loads(encode_event(dataclasses.replace(REQUEST, **changes), match))
    return event_json


def test_the_request_context_describes_the_request() -> None:
    context = event()["requestContext"]
    assert (context["domainName"], context["domainPrefix"]) == ("hub.example.com", "hub")
    assert (context["requestId"], context["extendedRequestId"], context["stage"]) == ("r", "x", "v1")
    assert (context["requestTime"], context["requestTimeEpoch"]) == ("04/Mar/2026:05:06:07 +0000", 1772600767000)
    assert (context["identity"]["sourceIp"], context["identity"]["userAgent"]) == ("127.0.0.1", "test/1")


def test_headers_that_belong_to_the_connection_are_left_out() -> None:
    headers = event(headers=(("Connection", "close"), ("TE", "trailers"), ("X-Mine", "1")))["headers"]
    assert {"Connection", "TE"}.isdisjoint(headers)
    assert headers["X-Mine"] == "1"


def test_the_gateway_adds_where_the_request_came_from() -> None:
    headers = event()["headers"]
    assert headers["X-Forwarded-For"] == "127.0.0.1"
    assert (headers["X-Forwarded-Port"], headers["X-Forwarded-Proto"]) == ("8081", "http")


@pytest.mark.parametrize(
    ("query", "parameters"),
    [("a=1;b=2", {"a": "1", "b": "2"}), ("a=%C3%BC+%2B", {"a": "ü +"}), ("a=%2525", {"a": "%25"}), ("", None)],
)
def test_a_query_is_decoded(query: str, parameters: dict[str, str] | None) -> None:
    assert event(query=query)["queryStringParameters"] == parameters


def test_text_is_handed_over_as_text() -> None:
    event_json = event(body="ü".encode(), headers=(("Content-Type", "text/plain"),), binary=("image/*",))
    assert (event_json["body"], event_json["isBase64Encoded"]) == ("ü", False)


def test_a_body_of_a_binary_type_is_handed_over_in_base64() -> None:
    event_json = event(body=b"\xff", headers=(("content-type", "image/png"),), binary=("image/*",))
    assert (event_json["body"], event_json["isBase64Encoded"]) == ("/w==", True)


@pytest.mark.parametrize(
    ("content_type", "patterns", "binary"),
    [
        (None, (), False),
        (None, ("*/*",), True),
        (None, ("application/json",), True),
        ("Image/PNG; a=b", ("image/png",), True),
        ("text/html", ("image/*", "application/*"), False),
    ],
)
def test_a_type_is_binary_if_a_pattern_says_so(
    content_type: str | None, patterns: tuple[str, ...], *, binary: bool
) -> None:
    assert is_binary(content_type, patterns) is binary


def test_the_event_has_the_context_of_the_authorizer() -> None:
    match = Match(RestApi("Api", "v1", (), (ROUTE,)), ROUTE, {"id": "1"})
    event_json = json.loads(encode_event(REQUEST, match, authorizer={"scopes": "read"}))
    assert event_json["requestContext"]["authorizer"] == {"scopes": "read"}


def test_an_authorizer_is_asked_with_all_but_the_body() -> None:
    match = Match(RestApi("Api", "v1", (), (ROUTE,)), ROUTE, {"id": "1"})
    question = json.loads(encode_question(dataclasses.replace(REQUEST, body=b"secret"), match, arn="arn"))
    assert (question["type"], question["methodArn"], question["pathParameters"]) == ("REQUEST", "arn", {"id": "1"})
    assert question["queryStringParameters"] == question["stageVariables"] == {}
    assert {"body", "isBase64Encoded"}.isdisjoint(question)


@pytest.mark.parametrize(
    ("sources", "identity"),
    [
        ((), ()),
        (("method.request.header.authorization",), ("Bearer t",)),
        (("method.request.header.Authorization", "method.request.querystring.a"), ("Bearer t", "1")),
        (("method.request.header.X-Api-Key",), None),
        (("method.request.querystring.empty",), None),
    ],
)
def test_callers_are_distinguished_by_the_identity_sources(
    sources: tuple[str, ...], identity: tuple[str, ...] | None
) -> None:
    asked = dataclasses.replace(REQUEST, headers=(("Authorization", "Bearer t"),), query="a=1&empty=")
    assert identity_of(asked, sources) == identity
