"""Answers: JSON, pages of events spliced from what the store keeps, and single events."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Response

from eventstore.cloudevents import data_of, to_http
from eventstore.cloudevents.event import JsonData, rfc3339
from eventstore.errors import InvalidQuery

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.read.gaps import Gaps
    from eventstore.streams import StreamState
    from eventstore.write.publisher import Published
    from functions.rest.request import Request

__all__ = [
    "BATCH",
    "JSON",
    "STRUCTURED",
    "Answer",
    "batch",
    "binary",
    "empty",
    "html",
    "items",
    "json_of",
    "link",
    "missing",
    "missing_headers",
    "page",
    "published",
    "stream",
    "structured",
]

JSON = "application/json"
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"

_UNKNOWN = "application/octet-stream"

_AS_TEXT = 1024 * 1024
"""Longer bodies go as Base64, whose length is known: text in the function's answer grows by what JSON escapes in it,
and Lambda allows an answer 6 MB (Lambda quotas)."""

_MISSING_BYTES = 1024
"""Of a header that says what is missing; an answer has two of them, and its link."""

_HEADER_BYTES = 8 * 1024
"""API Gateway allows all headers of an answer 10,240 bytes (API Gateway quotas); its own need some."""


_GUARDED = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}
_SCRIPT = re.compile("<script>(.*?)</script>", re.DOTALL)
_OF_PAGES = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_OF_DATA = "default-src 'none'; sandbox; frame-ancestors 'none'"
"""A publisher chooses the media type. A browser that is led to a page of its must not run it as one of this API's."""


class Answer(Response[Any]):
    """A response whose body stands as it is: Powertools would encode bytes of JSON once more."""

    def is_json(self) -> bool:
        """Never for Powertools to serialise."""
        return False


def json_of(status: int, value: object, *, headers: Mapping[str, str] | None = None) -> Answer:
    """A JSON document."""
    return Answer(status, JSON, json.dumps(value, separators=(",", ":"), ensure_ascii=False), headers=headers)


def empty(status: int, *, headers: Mapping[str, str] | None = None) -> Answer:
    """No body: 204 and 304."""
    return Answer(status, None, "", headers=headers)


def page(
    members: Mapping[str, object], events: Sequence[bytes], *, following: str | None, headers: Mapping[str, str]
) -> Answer:
    """A JSON object of the members, the encoded events as `events`, and `next` if anything follows."""
    head = json.dumps(members, separators=(",", ":"))[1:-1]
    tail = f',"next":{json.dumps(following)}' if following else ""
    return _encoded(JSON, b'{%b,"events":[%b]%b}' % (head.encode(), b",".join(events), tail.encode()), headers)


def items(name: str, encoded: Sequence[bytes], *, following: str | None, headers: Mapping[str, str]) -> Answer:
    """A JSON object of the encoded items under that name, and `next` if anything follows."""
    tail = f',"next":{json.dumps(following)}' if following else ""
    return _encoded(JSON, b'{"%b":[%b]%b}' % (name.encode(), b",".join(encoded), tail.encode()), headers)


def batch(events: Sequence[bytes], *, headers: Mapping[str, str]) -> Answer:
    """The bare events, in the JSON batch format (CloudEvents 1.0.2, JSON format, 4)."""
    return _encoded(BATCH, b"[%b]" % b",".join(events), headers)


def missing(lost: Gaps) -> Mapping[str, object]:
    """The members of a page that say what its reader does not get; none, where nothing is missing."""
    members: dict[str, object] = {}
    if lost:
        members["missing"] = [{"stream": stream, "first": first, "last": last} for stream, first, last in lost.ranges]
    if not lost.complete:
        members["missing_more"] = True
    if lost.gone:
        members["gone"] = list(lost.gone)
    return members


def missing_headers(lost: Gaps) -> Mapping[str, str]:
    """The same as headers (RFC 9651), for a bare array has no place for it; what does not fit is said to be more."""
    ranges = [f'"{stream}";first={first};last={last}' for stream, first, last in lost.ranges]
    told = _leading(ranges)
    headers = {"Eventstore-Missing": ", ".join(told)} if told else {}
    if not lost.complete or len(told) < len(ranges):
        headers["Eventstore-Missing-More"] = "?1"
    if gone := _leading([f'"{stream}"' for stream in lost.gone]):
        headers["Eventstore-Gone"] = ", ".join(gone)
    return headers


def _leading(items: Sequence[str]) -> Sequence[str]:
    """As many as fit into one header."""
    used = 0
    for count, item in enumerate(items):
        used += len(item) + 2
        if used > _MISSING_BYTES:
            return items[:count]
    return items


def link(request: Request, following: str | None) -> Mapping[str, str]:
    """The header that points to the next page (RFC 8288), if there is one."""
    if not following:
        return {}
    query = urlencode({**request.query, "cursor": following}, doseq=True)
    return {"Link": f'<{request.base}{request.path}?{query}>; rel="next"'}


def html(text: str) -> Answer:
    """A page for a browser. It runs the scripts that stand in it, asks this API alone, and stands in no other page."""
    digests = (b64encode(sha256(script.encode()).digest()).decode() for script in _SCRIPT.findall(text))
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"
    headers = {**_GUARDED, "Content-Security-Policy": f"script-src {allowed}; {_OF_PAGES}", "X-Frame-Options": "DENY"}
    return Answer(200, "text/html; charset=utf-8", _body(text.encode()), headers=headers)


def structured(event: RecordedEvent) -> Answer:
    """One event in structured mode."""
    return _encoded(STRUCTURED, event.encoded(), {})


def binary(event: RecordedEvent) -> Answer:
    """One event in binary mode, what the hub adds among its headers.

    Raises:
        InvalidQuery: Its attributes are longer than API Gateway lets headers be, or its media type is no ASCII.
    """
    headers, content = to_http(event.body, event.extensions())
    data = data_of(event.body)
    if data is not None:
        # Without one, data is JSON if it is a JSON value (JSON format, 3.1), and API Gateway would call anything so.
        headers.setdefault("content-type", JSON if isinstance(data, JsonData) else _UNKNOWN)
    length = sum(len(name) + len(value) for name, value in headers.items())
    if length > _HEADER_BYTES or not headers.get("content-type", "").isascii():
        raise InvalidQuery("the event's attributes do not fit into headers; use mode=structured", pointer="mode")
    return Answer(200, None, content, headers=headers | _GUARDED | {"Content-Security-Policy": _OF_DATA})


def published(result: Published) -> Mapping[str, object]:
    """Where an event stands."""
    return {
        "stream": result.stream,
        "sequence": result.sequence,
        "id": result.id,
        "duplicate": result.duplicate,
    }


def stream(state: StreamState) -> Mapping[str, object]:
    """A stream as it is."""
    kept = state.config.retention
    limits = {"max_age": kept.max_age, "max_events": kept.max_events}
    return {
        "id": state.name,
        "head": state.head,
        "first": state.first,
        "count": state.count,
        "bytes": state.size,
        "created": rfc3339(state.created),
        "updated": rfc3339(state.updated),
        "retention": {name: limit for name, limit in limits.items() if limit is not None},
        "labels": dict(state.config.labels),
    }


def _encoded(media_type: str, content: bytes, headers: Mapping[str, str]) -> Answer:
    return Answer(200, media_type, _body(content), headers=headers)


def _body(content: bytes) -> str | bytes:
    return content if len(content) > _AS_TEXT else content.decode()
