from __future__ import annotations

import json

import pytest

from eventstore_dev.rest.answer import MalformedAnswerError, decode_answer


def headers(members: dict[str, object]) -> list[tuple[str, str]]:
    answer = decode_answer(json.dumps({"statusCode": 200, **members}).encode(), accept=None, binary_media_types=())
    return [(name, value) for name, value in answer.headers.items() if name != "Content-Type"]


def test_a_value_in_both_kinds_of_headers_is_sent_once() -> None:
    members: dict[str, object] = {"headers": {"X-A": "1"}, "multiValueHeaders": {"x-a": ["1", "2"]}}
    assert headers(members) == [("X-A", "1"), ("X-A", "2")]


def test_boolean_headers_are_sent_as_true_and_false() -> None:
    assert headers({"headers": {"X-A": True}}) == [("X-A", "true")]


def test_a_content_length_of_the_function_is_ignored() -> None:
    assert headers({"headers": {"Content-Length": "5"}}) == []


def test_base64_stays_when_the_client_accepts_no_binary_type() -> None:
    answer = b'{"statusCode":200,"isBase64Encoded":true,"body":"/w=="}'
    kept = decode_answer(answer, accept="text/html, image/png", binary_media_types=("image/png",))
    decoded = decode_answer(answer, accept="image/png, text/html", binary_media_types=("image/png",))
    assert (kept.body, decoded.body) == (b"/w==", b"\xff")


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [
        (b"{", "it is no JSON"),
        (b"[]", "it must be an object"),
        (b"{}", "statusCode must be a number, and is None"),
        (b'{"statusCode":true}', "statusCode must be a number"),
        (b'{"statusCode":99}', "statusCode must be from 200 to 599"),
        (b'{"statusCode":200,"body":{}}', "body must be text, and is an object; json.dumps makes text of it"),
        (b'{"statusCode":200,"headers":[1]}', "headers must be an object, and is a list"),
        (b'{"statusCode":200,"multiValueHeaders":{"a":"b"}}', "multiValueHeaders.a must be a list, and is text"),
        (b'{"statusCode":200,"headers":{"a":"b\\nc"}}', "the header a has a line break"),
        (b'{"statusCode":200,"isBase64Encoded":true,"body":"!"}', "body is no base64"),
    ],
)
def test_a_malformed_answer_is_reported_with_the_expected_form(payload: bytes, complaint: str) -> None:
    with pytest.raises(MalformedAnswerError, match=complaint):
        decode_answer(payload, accept=None, binary_media_types=("*/*",))
