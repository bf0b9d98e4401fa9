"""From what a function returns to what the client gets.

Rules: API Gateway Developer Guide, "Output format of a Lambda function for proxy integration", "Content type
conversions in API Gateway", "Important notes for REST APIs" (remapped headers) and "Gateway response types".
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass

from multidict import CIMultiDict

from eventstore_dev.gateway_responses import Failure, GatewayResponse, response_to
from eventstore_dev.rest.event import is_binary

_REMAPPED = frozenset(
    {"authorization", "connection", "content-md5", "date", "host", "server", "user-agent", "www-authenticate"}
)
_DROPPED = frozenset(
    {"content-length", "expect", "keep-alive", "max-forwards", "te", "trailer", "transfer-encoding", "upgrade"}
)
_LOWEST, _HIGHEST = 200, 599


class MalformedAnswerError(Exception):
    """The function's answer is none of a proxy integration; the message says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client gets."""

    status: int
    headers: CIMultiDict[str]
    body: bytes


def decode_answer(payload: bytes, *, accept: str | None, binary_media_types: tuple[str, ...]) -> Answer:
    """Reads a function's answer.

    A body in base64 is decoded only if the first type that the client accepts is one of the binary media types.

    Raises:
        MalformedAnswerError: The API Gateway would not understand it.
    """
    try:
        told = json.loads(payload)
    except ValueError as error:
        raise MalformedAnswerError(f"it is no JSON: {error}") from error
    if not isinstance(told, Mapping):
        raise MalformedAnswerError("it must be an object with statusCode, headers and body")
    body = told.get("body")
    if body is not None and not isinstance(body, str):
        raise MalformedAnswerError(f"body must be text, and is {_kind(body)}; json.dumps makes text of it")
    content = (body or "").encode()
    first_accepted = (accept or "*/*").partition(",")[0]
    if told.get("isBase64Encoded") and is_binary(first_accepted, binary_media_types):
        try:
            content = b64decode(content, validate=True)
        except binascii.Error as error:
            raise MalformedAnswerError(f"isBase64Encoded is true, but body is no base64: {error}") from error
    return Answer(_status(told.get("statusCode")), _headers(told), content)


def gateway_answer(
    failure: Failure, responses: Mapping[str, GatewayResponse], *, sent: Mapping[str, str], request_id: str
) -> Answer:
    """A response of the gateway's own.

    Args:
        failure: Why.
        responses: What the API makes of such.
        sent: The request's headers, by names in lower case.
        request_id: The request's.
    """
    response = response_to(failure, responses)
    headers = CIMultiDict({"Content-Type": "application/json", "x-amzn-ErrorType": failure.error})
    headers.update(response.headers_of(sent))
    return Answer(response.status or failure.status, headers, response.body(failure, request_id=request_id))


def _status(told: object) -> int:
    if isinstance(told, bool) or not isinstance(told, int | str) or not str(told).isdecimal():
        raise MalformedAnswerError(f"statusCode must be a number, and is {told!r}")
    status = int(told)
    if not _LOWEST <= status <= _HIGHEST:
        raise MalformedAnswerError(f"statusCode must be from {_LOWEST} to {_HIGHEST}, and is {status}")
    return status


def _headers(told: Mapping[str, object]) -> CIMultiDict[str]:
    pairs: dict[str, list[str]] = {}
    spelling: dict[str, str] = {}
    for member in ("headers", "multiValueHeaders"):
        found = told.get(member) or {}
        if not isinstance(found, Mapping):
            raise MalformedAnswerError(f"{member} must be an object, and is {_kind(found)}")
        for name, value in found.items():
            values = value if member == "multiValueHeaders" else [value]
            if not isinstance(values, list):
                raise MalformedAnswerError(f"multiValueHeaders.{name} must be a list, and is {_kind(values)}")
            # With both, the values are joined; a value that stands in both is taken once.
            key = name.lower()
            spelling.setdefault(key, name)
            known = pairs.setdefault(key, [])
            known += [text for text in map(_text, values) if member == "headers" or text not in known]
    headers: CIMultiDict[str] = CIMultiDict()
    for key, values in pairs.items():
        if key in _DROPPED:
            continue
        name = f"x-amzn-Remapped-{spelling[key]}" if key in _REMAPPED else spelling[key]
        for text in values:
            if "\n" in text or "\r" in text:
                raise MalformedAnswerError(f"the header {name} has a line break")
            headers.add(name, text)
    headers.setdefault("Content-Type", "application/json")
    return headers


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", bool: "a truth value", int: "a number", float: "a number", str: "text"}
    return kinds.get(type(value), "null")
