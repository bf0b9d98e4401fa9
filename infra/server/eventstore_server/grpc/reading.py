"""Reading: pages of events as messages that a client accepts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from eventstore.errors import EventNotFound, InvalidQuery
from eventstore.read.pages import AllQuery, Page, StreamPage, StreamQuery
from eventstore.streams import stream_name
from eventstore_proto.flunq.eventstore.v1 import event_store_service_pb2 as messages
from eventstore_server.grpc.events import messages_of
from eventstore_server.grpc.limits import require_at_most
from eventstore_server.grpc.selections import missing_of, selection_of
from functions.parameters import FIRST_SEQUENCE, LAST_SEQUENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from google.protobuf.message import Message

    from eventstore.access import Access
    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.hub.hub import Hub
    from eventstore_proto.flunq.eventstore.v1.events_pb2 import Event as EventMessage
    from eventstore_server.grpc.call import Call

__all__ = ["read_all", "read_stream", "requested_event"]

_TIME_MS = 1000
"""Milliseconds after which a page begins no further step, so that one read does not keep a thread."""

_STEP = 100
"""Events of the first page: at 256 KiB each they fit into memory. Later pages use the average size of an event."""

_MOST = 1000
_PAGE_BYTES = 4 * 1024 * 1024
_MESSAGE_BYTES = 512 * 1024
"""Clients accept messages of up to 4 MiB unless they say otherwise."""

QueryT = TypeVar("QueryT", bound=AllQuery | StreamQuery)
PageT = TypeVar("PageT", bound=Page | StreamPage)
PageT_contra = TypeVar("PageT_contra", bound=Page | StreamPage, contravariant=True)


async def read_stream(request: messages.ReadRequest, call: Call) -> None:
    """Write the events of a stream to the client, page by page."""
    stream = stream_name(request.stream, pointer="/stream")

    def query(access: Access) -> StreamQuery:
        require_at_most(FIRST_SEQUENCE.maximum, request.from_sequence, pointer="/from_sequence")
        require_at_most(LAST_SEQUENCE.maximum, request.to_sequence, pointer="/to_sequence")
        return StreamQuery(
            start=max(1, request.from_sequence),
            stop=request.to_sequence or LAST_SEQUENCE.maximum,
            cursor=request.cursor or None,
            backwards=_is_backwards(request.direction),
            selection=selection_of(request.selection, (), call.hub, access=access),
        )

    def read(query: StreamQuery, access: Access) -> StreamPage:
        return call.hub.reader.read(stream, query, access=access, may_go_on=_time_for_a_page(call.hub))

    def response(events: Sequence[EventMessage], page: StreamPage, *, is_last: bool) -> messages.ReadResponse:
        response = messages.ReadResponse(events=events, head=page.state.head)
        if is_last:
            response.next = page.next or ""
            _add_missing(response, page)
        return response

    await _Pages(call, read, await call.run(query), request, response).write()


async def read_all(request: messages.ReadAllRequest, call: Call) -> None:
    """Write the events of all streams to the client, page by page."""

    def query(access: Access) -> AllQuery:
        return AllQuery(
            cursor=request.cursor or None,
            backwards=_is_backwards(request.direction),
            selection=selection_of(request.selection, request.streams, call.hub, access=access),
        )

    def search(query: AllQuery, access: Access) -> Page:
        return call.hub.reader.search(query, access=access, may_go_on=_time_for_a_page(call.hub))

    def response(events: Sequence[EventMessage], page: Page, *, is_last: bool) -> messages.ReadAllResponse:
        response = messages.ReadAllResponse(events=events)
        if is_last:
            response.cursor = page.cursor
            _add_missing(response, page)
        return response

    await _Pages(call, search, await call.run(query), request, response).write()


def requested_event(request: messages.GetRequest, hub: Hub, *, access: Access) -> RecordedEvent:
    """Return the event that a request names.

    Args:
        request: The request.
        hub: The use cases.
        access: The access of the caller.

    Raises:
        Forbidden, EventNotFound, AmbiguousEvent, StreamNotFound, StreamGone: As the methods of `Reader`.
        InvalidQuery: The request names no event.
    """
    match request.WhichOneof("event"):
        case "key":
            key = request.key
            stream = stream_name(key.stream, pointer="/key/stream") if key.stream else None
            event_id: Any = key.id
            return hub.reader.find(event_id, access=access, source=key.source or None, stream=stream)
        case "place":
            place = request.place
            name = stream_name(place.stream, pointer="/place/stream")
            require_at_most(LAST_SEQUENCE.maximum, place.sequence, pointer="/place/sequence")
            query = StreamQuery(start=max(1, place.sequence), stop=place.sequence, limit=1)
            page = hub.reader.read(name, query, access=access, may_go_on=lambda: True)
            if not page.events:
                raise EventNotFound(f"{place.sequence} of {place.stream}")
            return page.events[0]
        case _:
            raise InvalidQuery("the request names no event; set key or place", pointer="/key")


class _ResponseOf(Protocol[PageT_contra]):
    """Returns the response with some events of a page, of which the last one has what is said of the whole page."""

    def __call__(self, events: Sequence[EventMessage], page: PageT_contra, *, is_last: bool) -> Message: ...


class _Pages(Generic[QueryT, PageT]):
    """The pages of a read, one after the other, as long as the client takes them.

    Args:
        call: The call.
        read: Reads a page.
        query: Selects the events of all pages.
        request: Has the format, and the most events of all pages; 0 is no limit.
        response: Returns a response.
    """

    def __init__(
        self,
        call: Call,
        read: Callable[[QueryT, Access], PageT],
        query: QueryT,
        request: messages.ReadRequest | messages.ReadAllRequest,
        response: _ResponseOf[PageT],
    ) -> None:
        self._call = call
        self._read = read
        self._query = query
        self._format = request.format
        self._response = response
        self._left = request.limit or LAST_SEQUENCE.maximum
        self._step = _STEP
        self._has_more = True

    async def write(self) -> None:
        """Write the pages to the client."""
        while self._has_more:
            for response in await self._call.run(self._following):
                await self._call.context.write(response)

    def _following(self, access: Access) -> Sequence[bytes]:
        """Return the next page as responses. They are serialized here, in a thread: the event loop has other calls."""
        query = replace(self._query, limit=min(self._step, self._left))
        page = self._read(query, access)
        self._left -= len(page.events)
        self._has_more = page.next is not None and self._left > 0
        self._query = replace(self._query, cursor=page.next)
        if page.events:
            average = sum(len(event.body) for event in page.events) // len(page.events)
            self._step = max(1, min(_MOST, _PAGE_BYTES // max(average, 1)))
        return [
            self._response(events, page, is_last=is_last).SerializeToString()
            for events, is_last in _in_messages(page.events, self._format)
        ]


def _is_backwards(direction: int) -> bool:
    return direction == messages.DIRECTION_BACKWARDS


def _add_missing(response: messages.ReadResponse | messages.ReadAllResponse, page: Page | StreamPage) -> None:
    lost = page.lost
    if lost:
        response.missing.CopyFrom(missing_of(lost.ranges, more=not lost.complete, gone=lost.gone))


def _time_for_a_page(hub: Hub) -> Callable[[], bool]:
    until = hub.clock.now() + _TIME_MS
    return lambda: hub.clock.now() < until


def _in_messages(events: Sequence[RecordedEvent], form: int) -> Iterator[tuple[Sequence[EventMessage], bool]]:
    """Yield the events of a page in messages of limited size, each with whether it is the last; at least one."""
    encoded = messages_of(events, form)
    batch: list[EventMessage] = []
    size = 0
    for event in encoded:
        length = event.ByteSize()
        if batch and size + length > _MESSAGE_BYTES:
            yield batch, False
            batch, size = [], 0
        batch.append(event)
        size += length
    yield batch, True
