from __future__ import annotations

import json
from base64 import b64encode

import pytest

from eventstore_dev.websocket.answer import Answer, MalformedAnswerError, decode_answer


def decode(answer: object) -> Answer:
    return decode_answer(json.dumps(answer).encode(), limit=10)


def test_a_status_is_enough() -> None:
    assert decode({"statusCode": 200}) == Answer(200, b"", None)


def test_a_status_may_be_text() -> None:
    assert decode({"statusCode": "201"}).status == 201


def test_a_body_may_be_in_base64() -> None:
    body = b64encode("grüß".encode()).decode()
    assert decode({"statusCode": 200, "body": body, "isBase64Encoded": True}).body.decode() == "grüß"


@pytest.mark.parametrize(
    "answer",
    [
        {"headers": {"Sec-WebSocket-Protocol": "a"}},
        {"headers": {"sec-websocket-protocol": "a"}},
        {"multiValueHeaders": {"Sec-Websocket-Protocol": ["a"]}},
        {"headers": {"Other": "b"}, "multiValueHeaders": {"Sec-Websocket-Protocol": ["a"]}},
    ],
)
def test_the_subprotocol_is_a_header_in_any_case(answer: dict[str, object]) -> None:
    assert decode({"statusCode": 200, **answer}).subprotocol == "a"


@pytest.mark.parametrize(("status", "good"), [(200, True), (299, True), (300, False), (403, False), (500, False)])
def test_only_a_2xx_status_is_success(status: int, *, good: bool) -> None:
    assert decode({"statusCode": status}).is_good is good


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (None, "must be an object with statusCode"),
        ([], "must be an object with statusCode"),
        ({"body": "a"}, "must be an object with statusCode"),
        ({"statusCode": True}, "must be a number"),
        ({"statusCode": 101}, "must be from 200 to 599"),
        ({"statusCode": 200, "body": {"a": 1}}, "body must be text"),
        ({"statusCode": 200, "body": "x" * 11}, "body has 11 bytes; a message takes 10"),
        ({"statusCode": 200, "body": "*", "isBase64Encoded": True}, "body is no base64"),
        ({"statusCode": 200, "body": "/w==", "isBase64Encoded": True}, "UTF-8"),
        ({"statusCode": 200, "body": "\ud800"}, "UTF-8"),
        ({"statusCode": 200, "headers": [1]}, "headers must be an object"),
        ({"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "a\r\nX: y"}}, "the name of a subprotocol"),
        ({"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": 1}}, "the name of a subprotocol"),
    ],
)
def test_a_malformed_answer_is_named(answer: object, complaint: str) -> None:
    with pytest.raises(MalformedAnswerError, match=complaint):
        decode(answer)


def test_an_answer_that_is_not_json_is_malformed() -> None:
    with pytest.raises(MalformedAnswerError, match="it is no JSON"):
        decode_answer(b"{", limit=10)
