from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from eventstore.access import FULL
from eventstore.filters import parse_filters
from eventstore.streams import FilterName
from eventstore_proto.flunq.eventstore.v1 import event_store_service_pb2 as messages
from eventstore_proto.flunq.eventstore.v1 import events_pb2, stream_service_pb2
from eventstore_server.grpc import event_store, reading
from eventstore_server.grpc.events import messages_of
from tests.functional.grpc.events import bodies, event, failing, ids, publish, violations

if TYPE_CHECKING:
    from tests.functional.grpc.served import Served

_BACKWARDS = messages.DIRECTION_BACKWARDS


def _type(prefix: str) -> events_pb2.Filter:
    return events_pb2.Filter(prefix=events_pb2.AttributeValues(attributes={"type": prefix}))


def _read(served: Served, **members: object) -> list[str]:
    responses = served.events.Read(messages.ReadRequest(**{"stream": "s", **members}))
    return [name for response in responses for name in ids(response.events)]


def _read_all(served: Served, **members: object) -> list[str]:
    responses = served.events.ReadAll(messages.ReadAllRequest(**members))
    return [name for response in responses for name in ids(response.events)]


@pytest.fixture(autouse=True)
def stored(served: Served) -> None:
    served.events.Publish(publish("s", *(str(n) for n in range(1, 301))))


@pytest.mark.parametrize(
    ("members", "first", "last"),
    [
        ({}, 1, 300),
        ({"from_sequence": 290}, 290, 300),
        ({"to_sequence": 250}, 1, 250),
        ({"from_sequence": 7, "limit": 2}, 7, 8),
        ({"limit": 150}, 1, 150),
        ({"direction": _BACKWARDS}, 300, 1),
        ({"direction": _BACKWARDS, "to_sequence": 5, "from_sequence": 2}, 5, 2),
    ],
)
def test_a_stream_is_read_in_either_direction_between_sequences(
    served: Served, members: dict[str, object], first: int, last: int
) -> None:
    step = 1 if first <= last else -1
    assert _read(served, **members) == [str(n) for n in range(first, last + step, step)]


def test_a_read_continues_after_a_message_by_its_cursor(served: Served) -> None:
    first, *_ = served.events.Read(messages.ReadRequest(stream="s", limit=120))
    assert first.head == 300
    rest = _read(served, cursor=first.next)
    assert rest[0] == str(len(first.events) + 1)
    assert rest[-1] == "300"


def test_the_last_message_of_a_read_to_the_end_has_no_cursor(served: Served) -> None:
    *_, last = served.events.Read(messages.ReadRequest(stream="s"))
    assert last.next == ""


def test_an_empty_read_reports_where_the_stream_ends(served: Served) -> None:
    (response,) = served.events.Read(messages.ReadRequest(stream="s", from_sequence=400))
    assert (response.head, len(response.events)) == (300, 0)


def test_large_events_come_in_messages_that_every_client_accepts(served: Served) -> None:
    large = [event(str(n), data="x" * 200_000) for n in range(8)]
    served.events.Publish(messages.PublishRequest(stream="large", events=large))
    responses = list(served.events.Read(messages.ReadRequest(stream="large")))
    assert [name for response in responses for name in ids(response.events)] == [str(n) for n in range(8)]
    assert max(response.ByteSize() for response in responses) < 1024 * 1024
    assert all(response.next == "" for response in responses)


def test_all_streams_are_read_in_the_order_in_which_they_were_stored(served: Served) -> None:
    served.events.Publish(publish("t", "a"))
    assert _read_all(served) == [*map(str, range(1, 301)), "a"]
    assert _read_all(served, direction=_BACKWARDS, limit=2) == ["a", "300"]
    assert _read_all(served, streams=["t"]) == ["a"]


def test_a_read_of_all_streams_continues_where_an_earlier_one_ended(served: Served) -> None:
    *_, last = served.events.ReadAll(messages.ReadAllRequest())
    served.events.Publish(publish("t", "a"))
    assert _read_all(served, cursor=last.cursor) == ["a"]


def test_a_selection_has_filters_and_times(served: Served) -> None:
    served.events.Publish(messages.PublishRequest(stream="t", events=[event("a", type="other.thing")]))
    selection = events_pb2.Selection(filters=[_type("other.")])
    assert _read_all(served, selection=selection) == ["a"]
    opposite = events_pb2.Filter()
    getattr(opposite, "not").CopyFrom(_type("io."))
    both = events_pb2.Filter(all=events_pb2.Filters(filters=[opposite, events_pb2.Filter(sql="id = 'a'")]))
    assert _read_all(served, selection=events_pb2.Selection(filters=[both])) == ["a"]
    tomorrow = Timestamp(seconds=served.hub.clock.now() // 1000 + 86_400)
    assert _read_all(served, selection=events_pb2.Selection(since=tomorrow)) == []
    assert _read(served, selection=events_pb2.Selection(until=tomorrow), limit=1) == ["1"]


def test_a_selection_names_a_stored_filter(served: Served) -> None:
    few = parse_filters([{"exact": {"id": "7"}}])
    served.hub.filter_admin.put(FilterName("few"), few, access=FULL, versions=None, exists=None)
    assert _read(served, selection=events_pb2.Selection(filter_name="few")) == ["7"]
    unknown = messages.ReadRequest(stream="s", selection=events_pb2.Selection(filter_name="none"))
    assert failing(lambda: list(served.events.Read(unknown)))[1].reason == "filter-not-found"


def test_a_filter_that_breaks_a_rule_is_refused_with_its_place(served: Served) -> None:
    empty = events_pb2.Selection(filters=[_type("io."), events_pb2.Filter()])
    request = messages.ReadAllRequest(selection=empty)
    assert failing(lambda: list(served.events.ReadAll(request)))[1].reason == "invalid-filter"
    assert violations(lambda: list(served.events.ReadAll(request))) == ["/selection/filters/1"]


def test_events_that_were_removed_before_a_reader_reached_them_are_reported(served: Served) -> None:
    first, *_ = served.events.Read(messages.ReadRequest(stream="s", limit=10))
    served.streams.ChangeStream(stream_service_pb2.ChangeStreamRequest(stream="s", max_events=100))
    response, *_ = served.events.Read(messages.ReadRequest(stream="s", cursor=first.next))
    (missing,) = response.missing.ranges
    assert (missing.stream, missing.first, missing.last) == ("s", 11, 200)
    assert ids(response.events)[0] == "201"


def test_a_stream_that_does_not_exist_is_not_found(served: Served) -> None:
    code, info = failing(lambda: _read(served, stream="none"))
    assert (code, info.reason) == (grpc.StatusCode.NOT_FOUND, "stream-not-found")


def test_an_event_is_found_by_its_id_and_by_its_place(served: Served) -> None:
    by_id = served.events.Get(messages.GetRequest(key=messages.EventKey(id="17")))
    by_place = served.events.Get(messages.GetRequest(place=messages.EventPlace(stream="s", sequence=17)))
    assert by_id == by_place
    (body,) = bodies([by_id.event])
    assert (body["id"], body["hubstream"], body["hubsequence"]) == ("17", "s", "17")


def test_an_event_in_protobuf_has_the_extensions_of_the_hub(served: Served) -> None:
    request = messages.GetRequest(key=messages.EventKey(id="17"), format=events_pb2.EVENT_FORMAT_PROTOBUF)
    attributes = served.events.Get(request).event.cloud_event.attributes
    assert attributes["hubstream"].ce_string == "s"
    assert attributes["hubsequence"].ce_string == "17"
    assert attributes["hubtime"].ce_timestamp.seconds > 0


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (messages.GetRequest(key=messages.EventKey(id="none")), "event-not-found"),
        (messages.GetRequest(place=messages.EventPlace(stream="s", sequence=301)), "event-not-found"),
        (messages.GetRequest(place=messages.EventPlace(stream="s")), "event-not-found"),
        (messages.GetRequest(), "invalid-query"),
        (messages.GetRequest(key=messages.EventKey(id="1", stream="no name")), "invalid-stream"),
    ],
)
def test_what_is_no_event_is_refused(served: Served, request_: messages.GetRequest, reason: str) -> None:
    assert failing(lambda: served.events.Get(request_))[1].reason == reason


def test_an_id_of_several_sources_needs_the_source(served: Served) -> None:
    served.events.Publish(messages.PublishRequest(stream="s", events=[event("17", source="/other")]))
    code, info = failing(lambda: served.events.Get(messages.GetRequest(key=messages.EventKey(id="17"))))
    assert (code, info.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ambiguous-event")
    assert sorted(info.metadata.values()) == ["s /other", "s /tests"]
    found = served.events.Get(messages.GetRequest(key=messages.EventKey(id="17", source="/other")))
    assert bodies([found.event])[0]["hubsequence"] == "301"


def test_events_are_serialized_in_threads_so_that_other_calls_need_not_wait(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []

    def recorded(*arguments: Any) -> Any:  # noqa: ANN401 - those of `messages_of`
        threads.append(threading.current_thread())
        return messages_of(*arguments)

    for module in (event_store, reading):
        monkeypatch.setattr(module, "messages_of", recorded)
    assert len(_read(served)) == len(_read_all(served)) == 300
    served.events.Get(messages.GetRequest(key=messages.EventKey(id="17")))
    loop = served.on_loop(threading.current_thread)
    assert threads
    assert loop not in threads
