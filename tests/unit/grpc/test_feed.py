"""The buffer of a call, and the frames in it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from eventstore.frames.frame import CLOSING, Address, Kind, Part
from eventstore.subscriptions import GRPC, Connection
from eventstore_proto.flunq.eventstore.v1 import event_store_service_pb2 as messages
from eventstore_proto.flunq.eventstore.v1.events_pb2 import EVENT_FORMAT_JSON, EVENT_FORMAT_PROTOBUF
from eventstore_server.grpc.feed import Feed
from eventstore_server.grpc.frames import FrameEncoder
from eventstore_server.grpc.statuses import SessionClosed
from eventstore_server.metrics.catalogue import ServerMetrics
from eventstore_server.sessions import SLOW_CONSUMER

COUNTS = ServerMetrics().frame_counts("grpc")
_EVENT = '{"specversion":"1.0","id":"1","source":"/s","type":"t"}'
_TO: Any = Address("c", "s", 300, 0)  # type: ignore[arg-type]


def _part(kind: str = Kind.EVENTS, *texts: str, events: tuple[str, ...] = (), cursor: str = "x") -> Part:
    return Part(kind, 3, (cursor,) if cursor else (), texts, (_TO,), events)


def _events(count: int = 1) -> Part:
    return _part(Kind.EVENTS, f"[{','.join([_EVENT] * count)}]", events=(_EVENT,) * count)


def _feed(*, limit: int = 10_000, drained: Any = lambda: None) -> Feed:  # noqa: ANN401 - a function
    connection: Any = Connection("c", GRPC, 0)  # type: ignore[arg-type]
    encoder = FrameEncoder(messages.SubscribeResponse)
    return Feed(connection, encoder, form=EVENT_FORMAT_JSON, limit=limit, drained=drained, counts=COUNTS)


class Client:
    """Reads when it is allowed to."""

    def __init__(self) -> None:
        self.received: list[messages.SubscribeResponse] = []
        self.reads = asyncio.Event()

    async def write(self, response: bytes) -> None:
        await self.reads.wait()
        self.received.append(messages.SubscribeResponse.FromString(response))


@pytest.mark.parametrize("form", [EVENT_FORMAT_JSON, EVENT_FORMAT_PROTOBUF])
@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        (Kind.EVENTS, (f"[{_EVENT},{_EVENT}]",)),
        (Kind.RESENT, (f"[{_EVENT},{_EVENT}]",)),
        (Kind.AGAIN, ('"stream":"s","attempt":3,"reason":"why"', f"[{_EVENT},{_EVENT}]")),
        (Kind.AGAIN, ('"stream":"s"', "[]")),
    ],
)
def test_a_part_of_another_instance_is_sent_like_one_with_its_events(
    kind: str, texts: tuple[str, ...], form: int
) -> None:
    own = () if texts[-1] == "[]" else (_EVENT, _EVENT)
    encoder = FrameEncoder(messages.WorkResponse)
    ours, others = _part(kind, *texts, events=own), _part(kind, *texts)
    assert encoder.shared(ours, form) == encoder.shared(others, form)


def test_a_part_is_serialized_once_for_all_that_get_it_in_one_format() -> None:
    encoder = FrameEncoder(messages.SubscribeResponse)
    part = _events()
    assert encoder.shared(part, EVENT_FORMAT_JSON) is encoder.shared(part, EVENT_FORMAT_JSON)
    assert encoder.shared(part, EVENT_FORMAT_JSON) != encoder.shared(part, EVENT_FORMAT_PROTOBUF)
    for _ in range(100):
        encoder.shared(_events(2), EVENT_FORMAT_JSON)
    assert len(encoder._kept) < 100


def test_a_kind_that_is_no_frame_of_a_subscription_is_an_error() -> None:
    with pytest.raises(ValueError, match="owned"):
        FrameEncoder(messages.SubscribeResponse).shared(_part(Kind.OWNED, '"ack_deadline":30'), EVENT_FORMAT_JSON)


def test_a_frame_has_its_number_and_what_all_get() -> None:
    async def received() -> messages.SubscribeResponse:
        feed, client = _feed(), Client()
        client.reads.set()
        feed.deliver(_events(2), _TO)
        feed.finish()
        await feed.write(client)  # type: ignore[arg-type]
        (response,) = client.received
        return response

    response = asyncio.run(received())
    assert (response.frame, response.partition, response.cursor, len(response.events.events)) == (300, 3, "x", 2)


def test_a_client_that_has_read_what_it_was_sent_is_no_longer_congested() -> None:
    async def congestion() -> list[object]:
        drained: list[bool] = []
        feed, client = _feed(drained=lambda: drained.append(feed.is_congested)), Client()
        writer = asyncio.create_task(feed.write(client))  # type: ignore[arg-type]
        seen: list[object] = [feed.is_congested]
        for _ in range(45):
            feed.deliver(_events(), _TO)
        seen.append(feed.is_congested)
        client.reads.set()
        feed.finish()
        await writer
        return [*seen, feed.is_congested, drained]

    assert asyncio.run(congestion()) == [False, True, False, [False]]


def test_a_client_that_does_not_read_is_cut_off_and_its_buffer_freed() -> None:
    async def cut_off() -> tuple[str, int]:
        feed = _feed(limit=1000)
        writer = asyncio.create_task(feed.write(Client()))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        while feed.waiting_bytes < 800:
            feed.deliver(_events(), _TO)
            await asyncio.sleep(0)
        feed.deliver(_events(3), _TO)
        feed.deliver(_events(3), _TO)
        with pytest.raises(SessionClosed) as caught:
            await writer
        feed.deliver(_events(3), _TO)
        return caught.value.code, len(feed._waiting)

    assert asyncio.run(cut_off()) == (SLOW_CONSUMER, 0)


def test_a_call_that_its_client_cancels_is_not_taken_for_a_slow_one() -> None:
    async def cancelled() -> None:
        feed = _feed()
        writer = asyncio.create_task(feed.write(Client()))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        writer.cancel()
        await writer

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())


def test_the_first_reason_counts() -> None:
    async def reason() -> str:
        feed = _feed()
        closing = '{"type":"error","code":"connection-not-found","detail":"closed"}'
        feed.deliver(Part(Kind.TEXT, 0, CLOSING, (closing,), (_TO,)), _TO)
        feed.close("going-away", "the server stops")
        with pytest.raises(SessionClosed) as caught:
            await feed.write(Client())  # type: ignore[arg-type]
        return caught.value.code

    assert asyncio.run(reason()) == "connection-not-found"


def test_notices_are_counted_as_frames_are() -> None:
    async def counted() -> float:
        feed, before = _feed(), COUNTS[Kind.TEXT].value
        changed = '{"type":"changed","version":2,"ack_deadline":30}'
        feed.deliver(Part(Kind.TEXT, 0, (), (changed,), (_TO,)), _TO)
        return COUNTS[Kind.TEXT].value - before

    assert asyncio.run(counted()) == 1
