"""Publishing a stream of events: events that wait are stored together, and each is acknowledged on its own."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from eventstore.errors import Unavailable
from eventstore.streams import ANY, Expected, StreamName, stream_name, stream_of
from eventstore.write.limits import Limits
from eventstore_proto.flunq.eventstore.v1 import event_store_service_pb2 as messages
from eventstore_proto.flunq.eventstore.v1 import events_pb2
from eventstore_server.grpc.events import event_of, events_of
from eventstore_server.grpc.limits import require_at_most
from eventstore_server.grpc.statuses import failure_of
from functions.protocol import EXPECTED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from eventstore.access import Access
    from eventstore.cloudevents.event import Event
    from eventstore.hub.hub import Hub
    from eventstore.write.publisher import Published
    from eventstore_server.grpc.call import Call

__all__ = ["Inbox", "acknowledgements_of", "publish_events", "published_message"]

_LIMITS = Limits()

_AT_ONCE = 4
"""How many streams one call appends to at a time."""


def publish_events(
    request: messages.PublishRequest | messages.PublishStreamRequest, hub: Hub, *, access: Access
) -> list[Published]:
    """Store the events of a request by one publish, and return their places.

    Args:
        request: The request.
        hub: The use cases.
        access: The access of the caller.

    Raises:
        InvalidEvent, Malformed, InvalidStream, InvalidRequest: The request breaks a rule.
        EventstoreError: As `Publisher.publish`.
    """
    return hub.publisher.publish(
        events_of(request.events),
        access=access,
        stream=_stream_named(request.stream),
        expected=_expected_of(request),
    )


def published_message(result: Published) -> events_pb2.Published:
    """Return the place of an event."""
    return events_pb2.Published(
        stream=result.stream, sequence=result.sequence, id=result.id, duplicate=result.duplicate
    )


class Inbox:
    """The requests of a call that wait to be stored: as many as one publish may hold, then the client has to wait."""

    def __init__(self) -> None:
        self._waiting: deque[messages.PublishStreamRequest] = deque()
        self._size = 0
        self._count = 0
        self._ended = False
        self._failure: BaseException | None = None
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()

    async def receive(self, requests: AsyncIterator[messages.PublishStreamRequest]) -> None:
        """Receive the requests of a call, until the client has sent them all."""
        try:
            async for request in requests:
                self._waiting.append(request)
                self._count += len(request.events)
                self._size += request.ByteSize()
                self._arrived.set()
                if self._count >= _LIMITS.batch_events or self._size >= _LIMITS.batch_bytes:
                    self._room.clear()
                    await self._room.wait()
        except Exception as error:  # noqa: BLE001 - raised again by `take`
            self._failure = error
        finally:
            self._ended = True
            self._arrived.set()

    async def take(self) -> Sequence[messages.PublishStreamRequest]:
        """Return all requests that wait, at least one; none if there will be no more."""
        while not self._waiting and not self._ended:
            self._arrived.clear()
            await self._arrived.wait()
        if not self._waiting and self._failure is not None:
            raise self._failure
        requests = tuple(self._waiting)
        self._waiting.clear()
        self._count = self._size = 0
        self._room.set()
        return requests


async def acknowledgements_of(
    requests: Sequence[messages.PublishStreamRequest], call: Call
) -> list[messages.Acknowledgement]:
    """Store the events of requests, and return what became of each event, in order.

    Args:
        requests: The requests, in the order in which they came.
        call: The call that they came by.
    """
    acknowledgements: list[messages.Acknowledgement] = []
    for is_conditional, group in groupby(requests, key=lambda request: request.HasField("expected")):
        if is_conditional:
            for request in group:
                acknowledgements += await call.run(partial(_stored_on_condition, request, call.hub))
        else:
            acknowledgements += await _stored_together(list(group), call)
    return acknowledgements


@dataclass(slots=True)
class _Item:
    """An event that stands alone: where it belongs, or what became of it."""

    event: Event | None = None
    stream: StreamName | None = None
    outcome: messages.Acknowledgement | None = None


_Groups = Sequence[tuple[StreamName, Sequence[_Item]]]
"""The events of streams."""


def _items(request: messages.PublishStreamRequest) -> list[_Item]:
    items = []
    for index, message in enumerate(request.events):
        try:
            event = event_of(message, pointer=f"/events/{index}")
            item = _Item(event, _stream_named(request.stream) or stream_of(event))
        except Exception as error:  # noqa: BLE001 - `failure_of` logs what is not an error of the hub
            item = _Item(outcome=_failed(error))
        items.append(item)
    return items


async def _stored_together(
    requests: Sequence[messages.PublishStreamRequest], call: Call
) -> list[messages.Acknowledgement]:
    """Store events by one publish a stream, so that what fails for one stream concerns no other."""
    items, groups = await call.run(partial(_store_one_stream, requests, call.hub))
    # Mostly, a thread waits for the store.
    shares = [groups[number::_AT_ONCE] for number in range(min(_AT_ONCE, len(groups)))]
    if shares:
        await asyncio.gather(*(call.run(partial(_store_all, share, call.hub)) for share in shares))
    return [item.outcome for item in items if item.outcome is not None]


def _store_one_stream(
    requests: Sequence[messages.PublishStreamRequest], hub: Hub, access: Access
) -> tuple[list[_Item], _Groups]:
    """Return the events of requests, and by stream those that are yet to be stored.

    The events of one stream are stored here: another thread would be another wait of a publisher of single events.
    """
    items = [item for request in requests for item in _items(request)]
    by_stream: dict[StreamName, list[_Item]] = {}
    for item in items:
        if item.stream is not None:
            by_stream.setdefault(item.stream, []).append(item)
    groups = list(by_stream.items())
    if len(groups) > 1:
        return items, groups
    _store_all(groups, hub, access)
    return items, []


def _store_all(groups: _Groups, hub: Hub, access: Access) -> None:
    for stream, group in groups:
        for batch in _batches(group):
            _store(batch, stream, hub, access)


def _batches(items: Sequence[_Item]) -> Iterator[list[_Item]]:
    """Yield the items in batches that one publish may hold."""
    batch: list[_Item] = []
    size = 0
    for item in items:
        length = 0 if item.event is None else len(item.event.body)
        if batch and (len(batch) == _LIMITS.batch_events or size + length > _LIMITS.batch_bytes):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += length
    if batch:
        yield batch


def _store(items: Sequence[_Item], stream: StreamName, hub: Hub, access: Access) -> None:
    try:
        events = [item.event for item in items if item.event is not None]
        results = hub.publisher.publish(events, access=access, stream=stream)
    except Exception as error:  # noqa: BLE001 - `failure_of` logs what is not an error of the hub
        # Nothing was stored, because of one of the events: each is stored alone. A store that does not answer would not
        # answer to each of them either.
        if len(items) > 1 and not isinstance(error, Unavailable):
            for item in items:
                _store([item], stream, hub, access)
            return
        for item in items:
            item.outcome = _failed(error)
    else:
        for item, result in zip(items, results, strict=True):
            item.outcome = messages.Acknowledgement(published=published_message(result))


def _stored_on_condition(
    request: messages.PublishStreamRequest, hub: Hub, access: Access
) -> list[messages.Acknowledgement]:
    """Store the events of a conditional request, all or none: they have one outcome."""
    try:
        results = publish_events(request, hub, access=access)
    except Exception as error:  # noqa: BLE001 - `failure_of` logs what is not an error of the hub
        return [_failed(error)] * len(request.events)
    return [messages.Acknowledgement(published=published_message(result)) for result in results]


def _expected_of(request: messages.PublishRequest | messages.PublishStreamRequest) -> Expected:
    """Return where the publisher believes that the stream ends; raises `InvalidRequest`."""
    if not request.HasField("expected"):
        return ANY
    require_at_most(EXPECTED.maximum, request.expected, pointer="/expected")
    return Expected(request.expected)


def _stream_named(name: str) -> StreamName | None:
    """Return the stream that a request names; None if it names none. Raises `InvalidStream`."""
    return stream_name(name, pointer="/stream") if name else None


def _failed(error: Exception) -> messages.Acknowledgement:
    return messages.Acknowledgement(failure=failure_of(error))
