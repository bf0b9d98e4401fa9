"""Publishing, reading and getting events: calls of REST as calls of gRPC."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from eventstore_client.calls import Reply, several
from eventstore_client.grpc.filters import selection_of
from eventstore_client.grpc.messages import event_store, events
from eventstore_client.grpc.rpcs import Rpc, json_reply, limit_of, name_of, refuse, text_of, unary, version_of
from eventstore_client.grpc.values import missing_members

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_client.calls import Call

__all__ = ["get", "publish", "read", "search"]

_SERVICE = "flunq.eventstore.v1.EventStoreService"

_PAGE_BYTES = 4 * 1024 * 1024
"""The bytes of events after which a page ends, if it can be continued there."""

_PAGE_SECONDS = 20.0
"""The seconds after which a page ends, if it can be continued there: a filter may match rarely."""


def publish(call: Call[Any]) -> Rpc[event_store.PublishResponse]:
    """Store events in one request."""
    texts = call.batch or ()
    request = event_store.PublishRequest(
        stream=name_of(call.query, "stream"), events=[events.Event(json=text.encode()) for text in texts]
    )
    version = version_of(call)
    if version is not None:
        request.expected = int(version)
    elif "If-None-Match" in call.headers:
        request.expected = 0

    def reply(response: event_store.PublishResponse) -> Reply:
        return json_reply(
            {
                "results": [
                    {
                        "stream": result.stream,
                        "sequence": result.sequence,
                        "id": result.id,
                        "duplicate": result.duplicate,
                    }
                    for result in response.results
                ]
            }
        )

    return unary(f"{_SERVICE}/Publish", request, event_store.PublishResponse, reply, pointer="/events")


def read(call: Call[Any], stream: str) -> Rpc[event_store.ReadResponse]:
    """Read a page of a stream."""
    query = call.query
    request = event_store.ReadRequest(
        stream=stream,
        from_sequence=_sequence(query.get("from"), "from"),
        to_sequence=_sequence(query.get("to"), "to"),
        direction=_direction(query.get("direction"), "direction", {"forwards": False, "backwards": True}),
        limit=limit_of(query),
        cursor=text_of(query, "cursor"),
        selection=selection_of(query),
    )

    def reply(responses: Iterator[event_store.ReadResponse]) -> Reply:
        page = _Page()
        head, following = 0, ""
        for response in responses:
            page.add(response)
            head, following = response.head, response.next
            if following and page.is_full:
                break
        return page.reply({"stream": stream, "head": head, **({"next": following} if following else {})})

    return Rpc(
        method=f"{_SERVICE}/Read",
        request=request,
        response=event_store.ReadResponse,
        reply=reply,
        is_streaming=True,
    )


def search(call: Call[Any]) -> Rpc[event_store.ReadAllResponse]:
    """Read a page of all streams."""
    query = call.query
    limit = limit_of(query)
    request = event_store.ReadAllRequest(
        streams=several(query.get("stream")) or (),  # type: ignore[arg-type]  # text or texts, in this call
        direction=_direction(query.get("order"), "order", {"asc": False, "desc": True}),
        limit=limit,
        cursor=text_of(query, "cursor"),
        selection=selection_of(query),
    )

    def reply(responses: Iterator[event_store.ReadAllResponse]) -> Reply:
        page = _Page()
        cursor, has_more = "", False
        for response in responses:
            page.add(response)
            cursor = response.cursor
            if cursor and page.is_full:
                has_more = True
                break
        # The hub does not say whether there are more events behind as many as were requested.
        has_more = has_more or page.count >= limit
        return page.reply({"cursor": cursor, **({"next": cursor} if has_more else {})})

    return Rpc(
        method=f"{_SERVICE}/ReadAll",
        request=request,
        response=event_store.ReadAllResponse,
        reply=reply,
        is_streaming=True,
    )


def get(call: Call[Any], event_id: str) -> Rpc[event_store.GetResponse]:
    """Return an event by its id."""
    key = event_store.EventKey(id=event_id, source=name_of(call.query, "source"), stream=name_of(call.query, "stream"))
    request = event_store.GetRequest(key=key)
    return unary(f"{_SERVICE}/Get", request, event_store.GetResponse, lambda response: Reply(response.event.json))


class _Page:
    """The events of a page, of one message or several."""

    def __init__(self) -> None:
        self._texts: list[bytes] = []
        self._missing = events.Missing()
        self._size = 0
        self._ends_at = time.monotonic() + _PAGE_SECONDS

    @property
    def count(self) -> int:
        return len(self._texts)

    @property
    def is_full(self) -> bool:
        return self._size >= _PAGE_BYTES or time.monotonic() >= self._ends_at

    def add(self, response: event_store.ReadResponse | event_store.ReadAllResponse) -> None:
        # Each access to a field copies it.
        texts = [event.json for event in response.events]
        self._texts += texts
        self._size += sum(map(len, texts))
        self._missing.MergeFrom(response.missing)

    def reply(self, head: dict[str, Any]) -> Reply:
        head |= missing_members(self._missing)
        return Reply(
            b'%b,"events":[%b]}' % (json.dumps(head, separators=(",", ":"))[:-1].encode(), b",".join(self._texts))
        )


def _sequence(value: object, name: str) -> int:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        refuse(f"{name} must be an integer of at least 1, not {value!r}", pointer=name)
    return value


def _direction(value: object, name: str, backwards: dict[str, bool]) -> event_store.Direction:
    if value is not None and value not in backwards:
        refuse(f"{name} must be {' or '.join(backwards)}, not {value!r}", pointer=name)
    is_backwards = value is not None and backwards[str(value)]
    return event_store.DIRECTION_BACKWARDS if is_backwards else event_store.DIRECTION_FORWARDS
