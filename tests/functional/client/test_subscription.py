from __future__ import annotations

import threading
from collections import defaultdict
from itertools import count, islice
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from eventstore_client import (
    Backoff,
    ConnectFailed,
    Denied,
    EventStore,
    HistoryLost,
    Invalid,
    Loss,
    Missing,
    NotFound,
    UnexpectedAnswer,
    link,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from eventstore_client import Recorded
    from tests.functional.client.fake_websocket_hub import FakeWebSocketHub

pytestmark = pytest.mark.usefixtures("watched")

STREAMS = ("a", "b", "c", "d", "e")


@pytest.fixture
def watched() -> Iterable[None]:
    """No thread is left running, because it would disturb other tests."""
    before = set(threading.enumerate())
    yield
    # Threads of connections that have just closed end by themselves.
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
    assert set(threading.enumerate()) <= before


def sequences(events: Iterable[Recorded]) -> dict[str, list[int]]:
    by_stream: dict[str, list[int]] = defaultdict(list)
    for event in events:
        by_stream[event.stream].append(event.sequence)
    return dict(by_stream)


def test_stored_events_arrive_first_and_then_new_ones(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    live_hub.publish("a", 5)

    with live_store.subscribe(start="start") as events:
        stored = sequences(islice(events, 5))
        live_hub.publish("a", 2)
        assert (stored, sequences(islice(events, 2))) == ({"a": [1, 2, 3, 4, 5]}, {"a": [6, 7]})


def test_everything_published_once_subscribing_has_returned_arrives(
    live_hub: FakeWebSocketHub, live_store: EventStore
) -> None:
    live_hub.publish("a", 3)

    with live_store.subscribe() as events:
        live_hub.publish("a")
        assert next(events).sequence == 4


def test_subscribing_and_reading_return_the_same_events(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    live_hub.publish("a", taskid="t-1", data={"n": 1})

    with live_store.subscribe(start="start") as events:
        event = next(events)

    assert (event.id, event.type, event.attributes["taskid"], event.data) == ("1", "t", "t-1", {"n": 1})


def test_the_hub_validates_filters_and_streams(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    filters: list[dict[str, Any]] = [{"prefix": {"type": "io."}}, {"sql": "priority > 3"}]

    with live_store.subscribe(filters=filters, filter_name="failures", stream=["a", "b"]):
        pass

    [request] = live_hub.requests
    assert request == {"id": "s", "filters": filters, "filter_name": "failures", "stream": ["a", "b"], "from": "now"}


def test_a_single_stream_may_be_given_as_a_string(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    live_hub.publish("a", 2)
    live_hub.publish("b", 2)

    with live_store.subscribe(stream="b", start="start") as events:
        assert sequences(islice(events, 2)) == {"b": [1, 2]}


def test_a_request_longer_than_a_frame_goes_in_several(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    streams = [f"{number:0500}" for number in range(100)]

    with live_store.subscribe(stream=streams):
        pass

    assert live_hub.requests[0]["stream"] == streams


def test_frames_that_come_before_subscribed_are_kept_until_it_is_there(
    live_hub: FakeWebSocketHub, live_store: EventStore
) -> None:
    live_hub.frames_first = True
    live_hub.publish("a", 5)

    with live_store.subscribe(start="start") as events:
        assert sequences(islice(events, 5)) == {"a": [1, 2, 3, 4, 5]}


def test_a_repeated_frame_is_dropped(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    live_hub.rewire = lambda frame: [frame, frame]
    live_hub.publish("a", 9)

    with live_store.subscribe(start="start") as events:
        assert sequences(islice(events, 9)) == {"a": [*range(1, 10)]}
        assert live_hub.connected == 1


def test_a_lost_frame_makes_the_subscription_resume(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    lost: list[Any] = []

    def lose(frame: dict[str, Any]) -> Sequence[dict[str, Any]]:
        if frame["type"] == "events" and frame["frame"] == 2 and not lost:
            lost.append(frame)
            return []
        return [frame]

    live_hub.rewire = lose
    live_hub.publish("a", 9)

    with live_store.subscribe(start="start") as events:
        assert sequences(islice(events, 9)) == {"a": [*range(1, 10)]}

    assert live_hub.connected == 2


def test_a_connection_that_ends_is_replaced_and_nothing_is_missing_or_repeated(
    live_hub: FakeWebSocketHub, live_store: EventStore
) -> None:
    with live_store.subscribe() as events:
        for number in range(1, 6):
            live_hub.publish("a")
            assert next(events).sequence == number
            live_hub.disconnect()


def test_events_published_during_a_disconnect_arrive(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    with live_store.subscribe() as events:
        live_hub.disconnect()
        live_hub.publish("a", 4)
        assert sequences(islice(events, 4)) == {"a": [1, 2, 3, 4]}


def test_every_event_comes_once_and_in_order_over_a_wire_that_repeats_loses_and_breaks(
    live_hub: FakeWebSocketHub, live_store: EventStore
) -> None:
    random = Random(7)

    def trouble(frame: dict[str, Any]) -> Sequence[dict[str, Any] | None]:
        return random.choices(([frame], [frame, frame], [], [None], [frame, None]), (80, 10, 4, 3, 3))[0]

    live_hub.rewire = trouble
    for stream in STREAMS:
        live_hub.publish(stream, 40)

    def publish() -> None:
        for _ in range(40):
            for stream in STREAMS:
                live_hub.publish(stream)

    publisher = threading.Thread(target=publish)
    with live_store.subscribe(start="start") as events:
        publisher.start()
        received = sequences(islice(events, 80 * len(STREAMS)))
        publisher.join()

    assert received == {stream: [*range(1, 81)] for stream in STREAMS}
    assert live_hub.connected > 1


def test_a_hub_that_is_away_at_first_is_waited_for(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    live_hub.statuses.extend([503, 502, 429])
    live_hub.publish("a")

    with live_store.subscribe(start="start") as events:
        assert next(events).sequence == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"type": "error", "code": "store-unavailable", "detail": "no"},
        {"message": "Internal server error", "requestId": "1"},
    ],
    ids=["store-unavailable", "gateway"],
)
def test_a_subscribe_that_may_pass_later_is_sent_again(
    answer: dict[str, Any], live_hub: FakeWebSocketHub, live_store: EventStore
) -> None:
    live_hub.answers.append(answer)

    with live_store.subscribe():
        assert len(live_hub.requests) == 2


def test_a_subscribe_that_is_wrong_is_refused_at_once(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    live_hub.answers.append({"type": "error", "code": "invalid-filter", "detail": "no", "pointer": "/filters/0"})

    with pytest.raises(Invalid, match=r"no \(at /filters/0\) \(invalid-filter\)"):
        live_store.subscribe(filters=[{"nonsense": {}}])


def test_a_filter_that_does_not_exist_is_not_found(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    live_hub.answers.append({"type": "error", "code": "filter-not-found", "detail": "no"})

    with pytest.raises(NotFound):
        live_store.subscribe(filter_name="failures")


def test_a_refused_connection_is_not_retried(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    live_hub.statuses.append(403)

    with pytest.raises(Denied, match="not now; the request was sent with no credentials: pass"):
        live_store.subscribe()


def test_an_invalid_answer_is_an_error(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    live_hub.answers.append({"type": "subscribed"})

    with pytest.raises(UnexpectedAnswer):
        live_store.subscribe()


def test_a_single_filter_without_a_list_is_named(live_store: EventStore) -> None:
    with pytest.raises(TypeError, match="in a list"):
        live_store.subscribe(filters={"exact": {"type": "t"}})  # type: ignore[dict-item]


def test_a_hub_that_stays_away_is_given_up(open_store: Callable[..., EventStore]) -> None:
    with (
        open_store("http://127.0.0.1:9") as store,
        pytest.raises(ConnectFailed, match=r"no response from ws://127\.0\.0\.1:9/ws"),
    ):
        store.subscribe(patience=0)


def test_a_hub_that_stays_away_for_hours_is_waited_for(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    hours = count(step=3600.0)
    live_store.backoff = Backoff(first=0.001, longest=0.001, clock=lambda: next(hours))
    live_hub.statuses.extend([503] * 5)

    with live_store.subscribe() as events:
        live_hub.statuses.extend([503] * 5)
        live_hub.disconnect()
        live_hub.publish("a")
        assert next(events).sequence == 1


def test_a_hub_that_repeatedly_drops_subscriptions_is_given_up(
    live_hub: FakeWebSocketHub, live_store: EventStore
) -> None:
    live_store.backoff = Backoff(first=0.001, longest=0.001)
    live_hub.rewire = lambda _: [None]

    with live_store.subscribe(patience=0.2) as events, pytest.raises(ConnectFailed):
        next(events)


def test_patience_restarts_after_each_connection_that_delivered_events(
    live_hub: FakeWebSocketHub, live_store: EventStore
) -> None:
    now = [0.0]
    live_store.backoff = Backoff(clock=lambda: now[0], random=lambda: 0.0)
    with live_store.subscribe(patience=10.0) as events:
        for number in range(1, 4):
            live_hub.disconnect()
            live_hub.publish("a")
            assert next(events).sequence == number
            now[0] += 7200


def test_the_cursor_moves_when_a_whole_frame_is_handled(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    live_hub.publish("a", 3)

    with live_store.subscribe(start="start", stream="a") as events:
        next(events)
        next(events)
        before = events.cursor
        next(events)
        handing_out = events.cursor
        assert (handing_out == before, events.handled() == before) == (True, False)


def test_a_subscription_that_resumes_misses_nothing_and_receives_nothing_twice(
    live_hub: FakeWebSocketHub, live_store: EventStore
) -> None:
    live_hub.publish("a", 6)
    with live_store.subscribe(start="start") as events:
        assert sequences(islice(events, 3)) == {"a": [1, 2, 3]}
        cursor = events.handled()
    live_hub.publish("a", 2)

    with live_store.subscribe(cursor=cursor) as events:
        assert sequences(islice(events, 5)) == {"a": [4, 5, 6, 7, 8]}


def test_a_program_that_crashes_within_a_frame_receives_it_again(
    live_hub: FakeWebSocketHub, live_store: EventStore
) -> None:
    live_hub.publish("a", 6)
    with live_store.subscribe(start="start") as events:
        assert sequences(islice(events, 5)) == {"a": [1, 2, 3, 4, 5]}
        cursor = events.handled()

    with live_store.subscribe(cursor=cursor) as events:
        assert next(events).sequence == 4


def test_there_is_a_cursor_as_soon_as_subscribing_has_returned(
    live_hub: FakeWebSocketHub, live_store: EventStore
) -> None:
    with live_store.subscribe() as events:
        cursor = events.cursor
    live_hub.publish("a")

    with live_store.subscribe(cursor=cursor) as events:
        assert next(events).sequence == 1


def test_an_empty_cursor_counts_as_none(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    with live_store.subscribe(start="start", cursor=""):
        assert live_hub.requests[0]["from"] == "start"


def _behind(live_hub: FakeWebSocketHub, live_store: EventStore) -> str:
    """A cursor after which two events were removed and one is left."""
    with live_store.subscribe() as events:
        cursor = events.cursor
    live_hub.publish("a", 2)
    live_hub.remove("a")
    live_hub.publish("a")
    return cursor


REMOVED = Loss(missing=(Missing("a", 1, 1), Missing("a", 2, 2)))


def test_events_removed_before_it_resumed_are_an_error(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    cursor = _behind(live_hub, live_store)

    with live_store.subscribe(cursor=cursor) as events, pytest.raises(HistoryLost, match=r"a 1, a 2$") as lost:
        next(events)

    assert lost.value.loss == REMOVED


def test_a_loss_is_raised_again_until_it_is_accepted(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    cursor = _behind(live_hub, live_store)

    with live_store.subscribe(cursor=cursor) as events:
        for _ in range(2):
            with pytest.raises(HistoryLost):
                next(events)
        assert events.handled() == cursor


def test_the_cursor_of_the_error_goes_on_behind_the_loss(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    cursor = _behind(live_hub, live_store)
    with live_store.subscribe(cursor=cursor) as events, pytest.raises(HistoryLost) as lost:
        next(events)

    with live_store.subscribe(cursor=lost.value.cursor) as events:
        assert next(events).sequence == 3


@pytest.mark.parametrize(
    ("types", "filters"),
    [
        ("order.placed", [{"exact": {"type": "order.placed"}}]),
        ("order.*", [{"prefix": {"type": "order."}}]),
        (["a", "b.*"], [{"any": [{"exact": {"type": "a"}}, {"prefix": {"type": "b."}}]}]),
        (None, []),
    ],
)
def test_events_are_selected_by_types_beside_other_filters(
    live_hub: FakeWebSocketHub, live_store: EventStore, types: str | list[str] | None, filters: list[object]
) -> None:
    live_store.subscribe(type=types, filters=[{"sql": "priority > 3"}]).close()

    assert live_hub.requests[0]["filters"] == [*filters, {"sql": "priority > 3"}]


@pytest.mark.parametrize(
    ("types", "reason"), [("a*b", "not 'a\\*b'"), ("*", "must be a type"), ([], "or several, not none")]
)
def test_types_that_are_none_are_refused(live_store: EventStore, types: str | list[str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        live_store.subscribe(type=types)


def test_an_accepted_loss_is_reported_once_and_the_rest_arrives(
    live_hub: FakeWebSocketHub, live_store: EventStore
) -> None:
    losses: list[Loss] = []
    cursor = _behind(live_hub, live_store)

    with live_store.subscribe(cursor=cursor, on_loss=losses.append) as events:
        assert next(events).sequence == 3

    assert losses == [REMOVED]


def test_events_removed_while_it_was_away_are_a_loss_too(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    with live_store.subscribe() as events:
        live_hub.disconnect()
        live_hub.publish("a", 2)
        live_hub.remove("a")
        with pytest.raises(HistoryLost, match=r"a 1, a 2$"):
            next(events)


def test_a_store_reset_is_a_loss(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    live_hub.publish("a", 2)
    with live_store.subscribe() as events:
        live_hub.disconnect()
        partition = live_hub.renew("a")
        live_hub.publish("a")
        with pytest.raises(HistoryLost) as lost:
            next(events)

    assert lost.value.loss == Loss(renewed=(partition,))


def test_events_removed_under_a_subscription_come_as_an_error_between_events(
    live_hub: FakeWebSocketHub, live_store: EventStore
) -> None:
    with live_store.subscribe() as events:
        live_hub.publish("a")
        live_hub.truncate("a")
        live_hub.publish("a")
        assert next(events).sequence == 1
        with pytest.raises(HistoryLost, match="a 5 to 9"):
            next(events)


def test_a_quiet_connection_is_kept_open_by_pings(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    with live_store.subscribe(ping_every=0.01) as events:
        waiting = threading.Thread(target=lambda: next(events))
        waiting.start()
        assert live_hub.pinged.acquire(timeout=10)
        assert live_hub.pinged.acquire(timeout=10)
        live_hub.publish("a")
        waiting.join()
        assert live_hub.connected == 1


def test_a_connection_that_falls_silent_is_replaced(
    live_hub: FakeWebSocketHub, live_store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "_ANSWER", 0.01)
    live_hub.silent = True

    with live_store.subscribe(ping_every=0.01) as events:
        waiting = threading.Thread(target=lambda: next(events))
        waiting.start()
        assert live_hub.left.acquire(timeout=10)
        live_hub.silent = False
        live_hub.publish("a")
        waiting.join()

    assert live_hub.connected > 1


def test_closing_from_another_thread_ends_the_iteration(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    received: list[Recorded] = []
    first = threading.Event()

    def iterate() -> None:
        for event in events:
            received.append(event)
            first.set()

    events = live_store.subscribe()
    iterating = threading.Thread(target=iterate)
    iterating.start()
    live_hub.publish("a")
    assert first.wait(10)

    events.close()
    iterating.join()

    assert sequences(received) == {"a": [1]}


def test_closing_ends_the_waiting_for_a_hub_that_is_away(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    away = threading.Event()
    live_store.backoff = Backoff(first=60.0, patience=600.0, random=lambda: 1.0, notice=lambda _: away.set())
    events = live_store.subscribe()
    live_hub.statuses.extend([503] * 1000)
    live_hub.disconnect()
    iterating = threading.Thread(target=lambda: list(events))
    iterating.start()
    assert away.wait(10)

    events.close()
    iterating.join()

    assert (list(events), len(live_hub.statuses)) == ([], 1000)


def test_closing_does_not_count_unread_events_as_handled(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    live_hub.publish("a", 3)
    events = live_store.subscribe(start="start", stream="a")
    next(events)
    cursor = events.cursor

    events.close()

    assert list(events) == []
    assert events.handled() == cursor


def test_the_environments_websocket_belongs_to_the_environments_hub(
    live_hub: FakeWebSocketHub, monkeypatch: pytest.MonkeyPatch, open_store: Callable[..., EventStore]
) -> None:
    monkeypatch.setenv("EVENTSTORE_URL", "https://hub.example/Prod")
    monkeypatch.setenv("EVENTSTORE_WEBSOCKET_URL", live_hub.url)

    with open_store() as store, store.subscribe():
        assert live_hub.connected == 1
    with open_store("https://other.example") as store, pytest.raises(ConnectFailed, match="no WebSocket address"):
        store.subscribe()
