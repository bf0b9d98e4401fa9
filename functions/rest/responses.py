"""Responses: JSON, pages of events spliced from their stored bytes, and single events."""

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
    from functions.answers.members import Result
    from functions.answers.streams import EventPageHead, Missing, Retention, StreamPageHead
    from functions.answers.streams import Stream as StreamAnswer
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
    "script",
    "stream",
    "structured",
]

JSON = "application/json"
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"

_UNKNOWN = "application/octet-stream"

_AS_TEXT = 1024 * 1024
"""Bytes above which a body is sent as Base64, whose length is known: JSON escapes in text can make it much longer, and
Lambda limits a response to 6 MB (Lambda quotas)."""

_MISSING_BYTES = 1024
"""Bytes of a header that lists gaps; a response has two of them, and its link."""

_HEADER_BYTES = 8 * 1024
"""Bytes of the headers of an event: API Gateway limits all headers to 10,240 (API Gateway quotas), its own included."""

_SECURITY_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}
_SCRIPT = re.compile("<script>(.*?)</script>", re.DOTALL)
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_DATA_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
"""A publisher chooses the media type of data: a browser must not run an HTML event as a page of this API."""


class Answer(Response[Any]):
    """A response whose body is sent unchanged: Powertools would encode the bytes of JSON once more."""

    def is_json(self) -> bool:
        """Return False, so that Powertools never serialises the body."""
        return False


def json_of(status: int, value: object, *, headers: Mapping[str, str] | None = None) -> Answer:
    """Return a JSON document.

    Args:
        status: The HTTP status.
        value: Any JSON value.
        headers: Additional headers.
    """
    return Answer(status, JSON, json.dumps(value, separators=(",", ":"), ensure_ascii=False), headers=headers)


def empty(status: int, *, headers: Mapping[str, str] | None = None) -> Answer:
    """Return a response without a body, such as 204 or 304.

    Args:
        status: The status code.
        headers: The headers.
    """
    return Answer(status, None, "", headers=headers)


def page(
    head: EventPageHead | StreamPageHead,
    events: Sequence[bytes],
    *,
    following: str | None,
    headers: Mapping[str, str],
) -> Answer:
    """Return a JSON object that holds a page of events: an `EventPage` or a `StreamPage`.

    Args:
        head: The members of the object beside `events` and `next`.
        events: The encoded events.
        following: The cursor of the next page, for `next`; None omits it.
        headers: Additional headers.
    """
    members = json.dumps(head, separators=(",", ":"))[1:-1]
    tail = f',"next":{json.dumps(following)}' if following else ""
    return _encoded(JSON, b'{%b,"events":[%b]%b}' % (members.encode(), b",".join(events), tail.encode()), headers)


def items(name: str, encoded: Sequence[bytes], *, following: str | None, headers: Mapping[str, str]) -> Answer:
    """Return a JSON object that holds a page of items.

    Args:
        name: The member that holds the items.
        encoded: The items as JSON.
        following: The cursor of the next page, for `next`; None omits it.
        headers: Additional headers.
    """
    tail = f',"next":{json.dumps(following)}' if following else ""
    return _encoded(JSON, b'{"%b":[%b]%b}' % (name.encode(), b",".join(encoded), tail.encode()), headers)


def batch(events: Sequence[bytes], *, headers: Mapping[str, str]) -> Answer:
    """Return bare events in the JSON batch format (CloudEvents 1.0.2, JSON format, 4).

    Args:
        events: The events, each in the JSON format.
        headers: The headers.
    """
    return _encoded(BATCH, b"[%b]" % b",".join(events), headers)


def missing(lost: Gaps) -> Missing:
    """Return the members of a page that list the events which its reader missed; none if nothing is missing."""
    members: Missing = {}
    if lost:
        members["missing"] = [{"stream": stream, "first": first, "last": last} for stream, first, last in lost.ranges]
    if not lost.complete:
        members["missing_more"] = True
    if lost.gone:
        members["gone"] = list(lost.gone)
    return members


def missing_headers(lost: Gaps) -> Mapping[str, str]:
    """Return the same as headers (RFC 9651), for bare arrays; Eventstore-Missing-More says that not all gaps fit."""
    ranges = [f'"{stream}";first={first};last={last}' for stream, first, last in lost.ranges]
    fitting = _leading(ranges)
    headers = {"Eventstore-Missing": ", ".join(fitting)} if fitting else {}
    if not lost.complete or len(fitting) < len(ranges):
        headers["Eventstore-Missing-More"] = "?1"
    if gone := _leading([f'"{stream}"' for stream in lost.gone]):
        headers["Eventstore-Gone"] = ", ".join(gone)
    return headers


def _leading(items: Sequence[str]) -> Sequence[str]:
    """Return the first items, as many as fit into a header."""
    used = 0
    for count, item in enumerate(items):
        used += len(item) + 2
        if used > _MISSING_BYTES:
            return items[:count]
    return items


def link(request: Request, following: str | None) -> Mapping[str, str]:
    """Return the Link header of the next page (RFC 8288), if there is one.

    Args:
        request: The request of this page.
        following: The cursor of the next page; None if this is the last one.
    """
    if not following:
        return {}
    query = urlencode({**request.query, "cursor": following}, doseq=True)
    return {"Link": f'<{request.base}{request.path}?{query}>; rel="next"'}


def html(text: str) -> Answer:
    """Return a page for browsers. It may run only its inline scripts, call only this API, and not be framed."""
    digests = (b64encode(sha256(script.encode()).digest()).decode() for script in _SCRIPT.findall(text))
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"
    headers = {
        **_SECURITY_HEADERS,
        "Content-Security-Policy": f"script-src {allowed}; {_PAGE_POLICY}",
        "X-Frame-Options": "DENY",
    }
    return Answer(200, "text/html; charset=utf-8", _body(text.encode()), headers=headers)


def script(text: str, *, headers: Mapping[str, str]) -> Answer:
    """Return a JavaScript module (RFC 9239).

    Args:
        text: The module.
        headers: Additional headers.
    """
    return Answer(200, "text/javascript; charset=utf-8", text, headers={**_SECURITY_HEADERS, **headers})


def structured(event: RecordedEvent) -> Answer:
    """Return an event in structured mode."""
    return _encoded(STRUCTURED, event.encoded(), {})


def binary(event: RecordedEvent) -> Answer:
    """Return an event in binary mode, with the hub's extensions as headers too.

    Raises:
        InvalidQuery: The attributes are longer than API Gateway allows headers to be, or the media type is not ASCII.
    """
    headers, content = to_http(event.body, event.extensions())
    data = data_of(event.body)
    if data is not None:
        # Without a media type, a JSON value is JSON (JSON format, 3.1); API Gateway would declare any data as JSON.
        headers.setdefault("content-type", JSON if isinstance(data, JsonData) else _UNKNOWN)
    length = sum(len(name) + len(value) for name, value in headers.items())
    if length > _HEADER_BYTES or not headers.get("content-type", "").isascii():
        raise InvalidQuery("the event's attributes do not fit into HTTP headers; use mode=structured", pointer="mode")
    return Answer(200, None, content, headers=headers | _SECURITY_HEADERS | {"Content-Security-Policy": _DATA_POLICY})


def published(result: Published) -> Result:
    """Return the result of a published event as JSON members."""
    return {
        "stream": result.stream,
        "sequence": result.sequence,
        "id": result.id,
        "duplicate": result.duplicate,
    }


def stream(state: StreamState) -> StreamAnswer:
    """Return the description of a stream as JSON members."""
    retention: Retention = {}
    if state.config.retention.max_age is not None:
        retention["max_age"] = state.config.retention.max_age
    if state.config.retention.max_events is not None:
        retention["max_events"] = state.config.retention.max_events
    answer: StreamAnswer = {
        "id": state.name,
        "head": state.head,
        "first": state.first,
        "count": state.count,
        "bytes": state.size,
        "created": rfc3339(state.created),
        "updated": rfc3339(state.updated),
        "retention": retention,
        "labels": dict(state.config.labels),
    }
    origin = state.config.forked_from
    if origin is not None:
        answer["forked_from"] = {
            "stream": origin.stream,
            "first": origin.first,
            "until": origin.until,
            "complete": origin.complete,
        }
    return answer


def _encoded(media_type: str, content: bytes, headers: Mapping[str, str]) -> Answer:
    return Answer(200, media_type, _body(content), headers=headers)


def _body(content: bytes) -> str | bytes:
    return content if len(content) > _AS_TEXT else content.decode()
