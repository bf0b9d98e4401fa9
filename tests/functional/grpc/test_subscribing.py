from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from eventstore.access import FULL
from eventstore_proto.flunq.eventstore.v1 import event_store_service_pb2 as messages
from eventstore_proto.flunq.eventstore.v1 import events_pb2, stream_service_pb2
from eventstore_server.sessions import SLOW_CONSUMER
from tests.functional.grpc.events import event, failing, ids, publish, take
from tests.functional.grpc.served import Served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_hosting.valkey import ValkeyServer

_OLDEST = messages.START_OLDEST


def _subscribe(served: Served, **members: Any) -> Any:  # noqa: ANN401 - fields, and a call
    return served.events.Subscribe(messages.SubscribeRequest(**members))


def _until_live(responses: Iterator[messages.SubscribeResponse], partitions: int) -> list[messages.SubscribeResponse]:
    """The responses up to the last `live` of a subscription."""
    received = []
    while partitions:
        received.append(next(responses))
        partitions -= received[-1].HasField("live")
    return received


def _received(responses: Iterator[messages.SubscribeResponse], count: int) -> list[str]:
    """The ids of so many events, as they come."""
    received: list[str] = []
    while len(received) < count:
        received += ids(next(responses).events.events)
    return received


def test_the_first_message_says_how_the_subscription_begins(served: Served) -> None:
    first = next(_subscribe(served))
    assert first.frame == 0
    assert first.cursor
    assert first.subscribed.recovery == messages.RECOVERY_COMPLETE
    assert list(first.subscribed.partitions) == [0, 1, 2, 3]


def test_what_is_kept_comes_before_live_and_what_is_published_later_after_it(served: Served) -> None:
    served.events.Publish(publish("s", "1", "2"))
    call = _subscribe(served, streams=["s"], start=_OLDEST)
    subscribed, *frames = _until_live(call, 1)
    assert [name for frame in frames for name in ids(frame.events.events)] == ["1", "2"]
    served.events.Publish(publish("s", "3"))
    assert _received(call, 1) == ["3"]
    (partition,) = subscribed.subscribed.partitions
    assert {frame.partition for frame in frames} == {partition}


def test_frames_of_a_partition_are_numbered_without_a_gap(served: Served) -> None:
    call = _subscribe(served, streams=["s"])
    frames = _until_live(call, 1)[1:]
    for number in range(3):
        served.events.Publish(publish("s", str(number)))
        frames.append(take(call, "events"))
    assert [frame.frame for frame in frames] == [1, 2, 3, 4]


def test_frames_of_turns_that_run_before_the_answer_come_after_it(served: Served) -> None:
    served.events.Publish(publish("s", "1"))
    original = served.hub.subscriptions.start

    def started_and_served(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - those of `start`
        subscribed = original(*arguments, **options)
        served.turns.request_turns(subscribed.partitions)
        served.turns.settle()
        return subscribed

    served.hub.subscriptions.start = started_and_served  # type: ignore[method-assign]
    first, *_ = _until_live(_subscribe(served, streams=["s"], start=_OLDEST), 1)
    assert first.HasField("subscribed")


def test_only_what_matches_is_received(served: Served) -> None:
    wanted = events_pb2.Filter(exact=events_pb2.AttributeValues(attributes={"subject": "wanted"}))
    call = _subscribe(served, filters=[wanted])
    _until_live(call, 4)
    served.events.Publish(publish("s", "1"))
    served.events.Publish(messages.PublishRequest(stream="s", events=[event("2", subject="wanted")]))
    assert _received(call, 1) == ["2"]


def test_the_same_events_come_as_protobuf_for_one_and_as_json_for_another(served: Served) -> None:
    json_call = _subscribe(served, streams=["s"])
    protobuf_call = _subscribe(served, streams=["s"], format=events_pb2.EVENT_FORMAT_PROTOBUF)
    _until_live(json_call, 1)
    _until_live(protobuf_call, 1)
    served.events.Publish(messages.PublishRequest(stream="s", events=[event("1", data={"a": 1})]))
    assert ids(take(json_call, "events").events.events) == ["1"]
    (received,) = take(protobuf_call, "events").events.events
    assert received.cloud_event.id == "1"
    assert received.cloud_event.text_data == '{"a": 1}'


def test_a_subscription_resumes_after_its_cursors_and_nothing_is_missing(served: Served) -> None:
    call = _subscribe(served, streams=["s"])
    cursors = [frame.cursor for frame in _until_live(call, 1)]
    served.events.Publish(publish("s", "1"))
    cursors.append(take(call, "events").cursor)
    call.cancel()
    served.sessions.wait_until(0)
    served.events.Publish(publish("s", "2", "3"))
    resumed = _subscribe(served, streams=["s"], cursors=cursors)
    assert next(resumed).subscribed.recovery == messages.RECOVERY_COMPLETE
    assert _received(resumed, 2) == ["2", "3"]


def test_what_was_removed_since_the_cursor_is_reported(served: Served) -> None:
    first = next(_subscribe(served, streams=["s"]))
    served.events.Publish(publish("s", "1", "2", "3"))
    served.streams.ChangeStream(stream_service_pb2.ChangeStreamRequest(stream="s", max_events=1))
    resumed = next(_subscribe(served, streams=["s"], cursors=[first.cursor]))
    assert resumed.subscribed.recovery == messages.RECOVERY_TRUNCATED
    (missing,) = resumed.subscribed.missing.ranges
    assert (missing.stream, missing.first, missing.last) == ("s", 1, 2)


def test_what_is_removed_while_a_subscriber_is_live_is_reported(served: Served) -> None:
    call = _subscribe(served, streams=["s"])
    _until_live(call, 1)
    served.turns.held.clear()
    served.events.Publish(publish("s", "1", "2"))
    served.streams.DeleteStream(stream_service_pb2.DeleteStreamRequest(stream="s", permanent=True))
    served.turns.held.set()
    truncated = take(call, "truncated")
    assert list(truncated.truncated.gone) == ["s"]
    assert truncated.cursor


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"cursors": ["nonsense"]}, "invalid-cursor"),
        ({"cursors": ["x"], "start": _OLDEST}, "invalid-request"),
        ({"streams": ["no name"]}, "invalid-stream"),
        ({"streams": [f"s{n}" for n in range(101)]}, "invalid-request"),
        ({"filters": [events_pb2.Filter(sql="(")]}, "invalid-filter"),
        ({"filter_name": "none"}, "filter-not-found"),
    ],
)
def test_a_subscription_that_breaks_a_rule_is_refused_and_leaves_nothing_behind(
    served: Served, members: dict[str, Any], reason: str
) -> None:
    assert failing(lambda: next(_subscribe(served, **members)))[1].reason == reason
    served.sessions.wait_until(0)
    served.in_loop(served.door._connections.removed())
    assert _connections(served) == []


def test_a_subscription_ends_when_its_client_cancels_the_call(served: Served) -> None:
    call = _subscribe(served)
    _until_live(call, 4)
    (connection,) = _connections(served)
    assert connection.protocol == "grpc"
    call.cancel()
    served.sessions.wait_until(0)
    served.in_loop(served.door._connections.removed())
    assert _connections(served) == []


def test_a_call_that_is_cancelled_while_it_registers_leaves_nothing_behind(served: Served) -> None:
    original = served.hub.subscriptions.connect
    began, may_go_on = threading.Event(), threading.Event()

    def slow(*arguments: Any, **options: Any) -> None:  # noqa: ANN401 - those of `connect`
        began.set()
        may_go_on.wait(20)
        original(*arguments, **options)

    served.hub.subscriptions.connect = slow  # type: ignore[method-assign]
    call = _subscribe(served)
    assert began.wait(20)
    call.cancel()
    served.sessions.wait_until(0)
    may_go_on.set()
    served.in_loop(served.door._connections.removed())
    assert _connections(served) == []


def test_an_operator_closes_a_connection_with_the_reason(served: Served) -> None:
    call = _subscribe(served)
    _until_live(call, 4)
    (connection,) = _connections(served)
    served.hub.closing_connections.close(connection)
    code, info = failing(lambda: list(call))
    assert (code, info.reason) == (grpc.StatusCode.ABORTED, "connection-not-found")


def test_a_session_that_the_server_closes_gets_what_waits_before_the_reason(served: Served) -> None:
    call = _subscribe(served, streams=["s"])
    _until_live(call, 1)
    served.events.Publish(publish("s", "1"))
    assert _received(call, 1) == ["1"]
    (session,) = served.sessions.by_id.values()
    served.on_loop(session.close, "new-epoch", "the store was reset")
    code, info = failing(lambda: list(call))
    assert (code, info.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "new-epoch")


def test_a_client_that_does_not_read_is_cut_off_with_the_reason_and_costs_others_nothing(valkey: ValkeyServer) -> None:
    served = Served(valkey.url, buffer_bytes=1_000_000)
    try:
        slow = _subscribe(served, streams=["s"])
        quick = _subscribe(served, streams=["s"])
        _until_live(slow, 1)
        _until_live(quick, 1)
        numbers = itertools.count()
        while len(served.sessions.by_id) == 2:
            events = [event(str(next(numbers)), data="x" * 40_000) for _ in range(10)]
            served.events.Publish(messages.PublishRequest(stream="s", events=events))
            assert len(_received(quick, 10)) == 10
        code, info = failing(lambda: list(slow))
        assert (code, info.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, SLOW_CONSUMER)
    finally:
        served.close()


def _connections(served: Served) -> list[Any]:
    page = served.hub.connections.list(access=FULL, count=10, may_go_on=lambda: True)
    return [status.connection for status in page.connections]
