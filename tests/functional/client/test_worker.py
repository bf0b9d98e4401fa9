"""Members of durable subscriptions with the SDK, against a scripted hub."""

from __future__ import annotations

import logging
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from eventstore_client import (
    Backoff,
    ConnectFailed,
    EventStore,
    HistoryLost,
    NotFound,
    Park,
    Recorded,
    Retry,
    Worker,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.functional.client.fake_websocket_hub import FakeWebSocketHub

OWNED = {"type": "owned", "partition": 1, "frame": 1, "cursor": "c0"}


def event(stream: str, sequence: int) -> dict[str, Any]:
    event = {"specversion": "1.0", "id": f"{sequence}", "source": "/tests", "type": "t"}
    return event | {"hubstream": stream, "hubsequence": f"{sequence}", "hubtime": "2026-01-05T09:00:00Z"}


def sent(frame: int, *events: tuple[str, int]) -> dict[str, Any]:
    frame_events = [event(*place) for place in events]
    return {"type": "events", "partition": 1, "frame": frame, "events": frame_events, "cursor": f"c{frame}"}


def again(frame: int, stream: str, *sequences: int, attempt: int = 2) -> dict[str, Any]:
    frame_events = [event(stream, sequence) for sequence in sequences]
    return {
        "type": "events",
        "partition": 1,
        "frame": frame,
        "stream": stream,
        "attempt": attempt,
        "events": frame_events,
    }


class Handler:
    """A handler that records its events, and raises the error that the test sets for one."""

    def __init__(self) -> None:
        self.given: list[tuple[str, int]] = []
        self.raising: dict[tuple[str, int], Exception] = {}

    def __call__(self, event: Recorded) -> None:
        self.given.append((event.stream, event.sequence))
        if error := self.raising.pop((event.stream, event.sequence), None):
            raise error


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def worker(live_store: EventStore) -> Worker:
    return live_store.work("workers", alive_every=999)


@pytest.fixture(autouse=True)
def watched() -> Iterator[None]:
    """No thread is left running, because it would disturb other tests."""
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def until(
    hub: FakeWebSocketHub,
    worker: Worker,
    last: dict[str, Any],
    reactions: Sequence[tuple[dict[str, Any], Sequence[dict[str, Any]]]] = (),
) -> None:
    """Close the worker when it sends the last command; answer the command of each reaction, in order, with frames."""
    left = [*reactions]

    def react(message: dict[str, Any]) -> Sequence[dict[str, Any]]:
        if last.items() <= message.items():
            worker.close()
        if left and left[0][0].items() <= message.items():
            return left.pop(0)[1]
        return []

    hub.react = react


def commands_of(hub: FakeWebSocketHub) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in message.items() if name not in {"id", "request"}} for message in hub.commands
    ]


def test_events_are_handled_in_order_and_acknowledged_by_frame(
    live_hub: FakeWebSocketHub, worker: Worker, handler: Handler
) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1), ("a", 2)), sent(3, ("a", 3))])
    until(live_hub, worker, {"cursor": "c3"})
    worker.run(handler)
    assert live_hub.requests == [{"action": "subscribe", "id": "s", "subscription": "workers"}]
    assert handler.given == [("a", 1), ("b", 1), ("a", 2), ("a", 3)]
    assert commands_of(live_hub) == [{"action": "ack", "cursor": "c2"}, {"action": "ack", "cursor": "c3"}]


def test_the_rest_of_a_failed_stream_is_dropped_until_it_is_sent_again(
    live_hub: FakeWebSocketHub, worker: Worker, handler: Handler
) -> None:
    handler.raising["a", 1] = ValueError("card declined")
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1), ("a", 2)), sent(3, ("a", 3), ("b", 2))])
    reactions = [
        ({"cursor": "c3"}, [again(4, "a", 1)]),
        ({"action": "ack", "sequence": 1}, [again(5, "a", 2, 3, attempt=1)]),
        ({"action": "ack", "sequence": 3}, [again(6, "a"), sent(7, ("a", 4))]),
    ]
    until(live_hub, worker, {"cursor": "c7"}, reactions)
    worker.run(handler)
    assert handler.given == [("a", 1), ("b", 1), ("b", 2), ("a", 1), ("a", 2), ("a", 3), ("a", 4)]
    nack, *acks = commands_of(live_hub)
    assert nack.pop("reason").startswith("ValueError: card declined (test_worker.py:")
    assert nack == {"action": "nack", "stream": "a", "sequence": 1}
    # The cursor of the first frame waits for the answer to the nack; the cursor of the second frame may replace it.
    assert [ack for ack in acks if ack.get("cursor") != "c2"] == [
        {"action": "ack", "cursor": "c3"},
        {"action": "ack", "stream": "a", "sequence": 1},
        {"action": "ack", "stream": "a", "sequence": 2},
        {"action": "ack", "stream": "a", "sequence": 3},
        {"action": "ack", "cursor": "c7"},
    ]


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (Retry("busy"), {"reason": "busy"}),
        (Retry("busy", delay=7), {"reason": "busy", "delay": 7}),
        (Park("nonsense"), {"reason": "nonsense", "park": True}),
    ],
)
def test_the_raised_error_decides_on_the_event(
    live_hub: FakeWebSocketHub, worker: Worker, handler: Handler, error: Exception, wanted: dict[str, Any]
) -> None:
    handler.raising["a", 1] = error
    live_hub.shares.append([OWNED, sent(2, ("a", 1))])
    until(live_hub, worker, {"cursor": "c2"})
    worker.run(handler)
    assert commands_of(live_hub)[0] == {"action": "nack", "stream": "a", "sequence": 1, **wanted}


def test_a_failure_within_a_held_stream_drops_the_rest_of_it(
    live_hub: FakeWebSocketHub, worker: Worker, handler: Handler
) -> None:
    handler.raising["a", 2] = ValueError("no")
    live_hub.shares.append([OWNED, again(2, "a", 1, 2, 3, attempt=1), sent(3, ("b", 1))])
    until(live_hub, worker, {"cursor": "c3"})
    worker.run(handler)
    assert handler.given == [("a", 1), ("a", 2), ("b", 1)]
    assert [(command["action"], command.get("sequence")) for command in commands_of(live_hub)] == [
        ("ack", 1),
        ("nack", 2),
        ("ack", None),
    ]


def test_an_event_carries_its_attempt(live_hub: FakeWebSocketHub, worker: Worker) -> None:
    attempts: list[int] = []
    resent = sent(2, ("b", 1), ("b", 2)) | {"attempt": 2}
    live_hub.shares.append([OWNED, resent, again(3, "a", 1, attempt=4), again(4, "a", 2, 3, attempt=1)])
    until(live_hub, worker, {"sequence": 3})
    worker.run(lambda _: attempts.append(worker.attempt))
    assert attempts == [2, 2, 4, 1, 1]


def test_a_revoked_partition_is_released_after_its_earlier_events_are_handled(
    live_hub: FakeWebSocketHub, worker: Worker, handler: Handler
) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1)), {"type": "revoked", "partition": 1, "frame": 3}])
    until(live_hub, worker, {"action": "release"})
    worker.run(handler)
    assert commands_of(live_hub) == [{"action": "ack", "cursor": "c2"}, {"action": "release", "partition": 1}]


def test_a_partition_owned_again_resumes_at_its_new_cursor(
    live_hub: FakeWebSocketHub, worker: Worker, handler: Handler
) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1))])
    owned_again = [OWNED, OWNED | {"frame": 7}, sent(8, ("a", 2)), sent(9, ("a", 3))]
    until(live_hub, worker, {"cursor": "c9"}, [({"cursor": "c2"}, owned_again)])
    worker.run(handler)
    assert handler.given == [("a", 1), ("a", 2), ("a", 3)]


def test_a_cursor_is_not_acknowledged_before_the_nack_is_answered(
    live_hub: FakeWebSocketHub, worker: Worker, handler: Handler
) -> None:
    handler.raising["a", 1] = ValueError("no")
    live_hub.shares.extend([[OWNED, sent(2, ("a", 1))], []])

    def react(message: dict[str, Any]) -> Sequence[dict[str, Any]]:
        worker.close()
        if message["action"] == "nack":
            raise ConnectionError
        return []

    live_hub.react = react
    worker.run(handler)
    assert [command["action"] for command in commands_of(live_hub)] == ["nack"]


def test_a_frame_that_comes_again_is_dropped(live_hub: FakeWebSocketHub, worker: Worker, handler: Handler) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1)), sent(2, ("a", 1)), sent(3, ("a", 2))])
    until(live_hub, worker, {"cursor": "c3"})
    worker.run(handler)
    assert handler.given == [("a", 1), ("a", 2)]


def test_a_worker_that_misses_a_frame_rejoins(live_hub: FakeWebSocketHub, worker: Worker, handler: Handler) -> None:
    live_hub.shares.append([OWNED, sent(3, ("a", 2))])
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("a", 2))])
    until(live_hub, worker, {"cursor": "c2"})
    worker.run(handler)
    assert (handler.given, live_hub.connected) == ([("a", 1), ("a", 2)], 2)


def test_a_connection_that_breaks_is_replaced(live_hub: FakeWebSocketHub, worker: Worker, handler: Handler) -> None:
    live_hub.shares.extend([[OWNED, sent(2, ("a", 1))], [OWNED, sent(2, ("a", 1)), sent(3, ("a", 2))]])
    first = [True]

    def react(message: dict[str, Any]) -> Sequence[dict[str, Any]]:
        if first and first.pop():
            raise ConnectionError
        if message["cursor"] == "c3":
            worker.close()
        return []

    live_hub.react = react
    worker.run(handler)
    assert handler.given == [("a", 1), ("a", 1), ("a", 2)]


def test_a_busy_hub_is_retried(live_hub: FakeWebSocketHub, worker: Worker, handler: Handler) -> None:
    live_hub.answers.append({"type": "error", "code": "store-unavailable", "detail": "later"})
    live_hub.shares.extend([[], [OWNED, sent(2, ("a", 1))]])
    until(live_hub, worker, {"cursor": "c2"})
    worker.run(handler)
    assert (handler.given, live_hub.connected) == ([("a", 1)], 2)


def test_the_log_names_a_connection_once_the_hub_has_accepted_the_worker(
    live_hub: FakeWebSocketHub, worker: Worker, handler: Handler, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "eventstore_client")
    live_hub.answers.append({"type": "error", "code": "store-unavailable", "detail": "later"})
    live_hub.shares.extend([[], [OWNED, sent(2, ("a", 1))]])
    until(live_hub, worker, {"cursor": "c2"})
    worker.run(handler)
    connected = f"the worker of 'workers' is connected to {live_hub.url}"
    assert [record.getMessage() for record in caplog.records].count(connected) == 1
    assert live_hub.connected == 2


def test_working_on_an_unknown_subscription_is_refused(
    live_hub: FakeWebSocketHub, worker: Worker, handler: Handler
) -> None:
    live_hub.answers.append({"type": "error", "code": "subscription-not-found", "detail": "no such subscription"})
    with pytest.raises(NotFound, match="no such subscription"):
        worker.run(handler)


def test_a_deleted_subscription_ends_the_worker(live_hub: FakeWebSocketHub, worker: Worker, handler: Handler) -> None:
    deleted = {"type": "error", "code": "subscription-not-found", "detail": "'workers' was deleted"}
    live_hub.shares.append([OWNED, sent(2, ("a", 1)), deleted])
    with pytest.raises(NotFound, match="was deleted"):
        worker.run(handler)
    assert handler.given == [("a", 1)]


def test_a_loss_without_a_handler_is_raised(live_hub: FakeWebSocketHub, worker: Worker, handler: Handler) -> None:
    missing = [{"stream": "a", "first": 1, "last": 2}]
    live_hub.shares.append(
        [OWNED, {"type": "truncated", "partition": 1, "frame": 2, "cursor": "c", "missing": missing}]
    )
    with pytest.raises(HistoryLost, match="a 1 to 2"):
        worker.run(handler)


def test_a_loss_is_passed_to_its_handler(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    missing = [{"stream": "a", "first": 1, "last": 2}]
    truncated = {"type": "truncated", "partition": 1, "frame": 2, "cursor": "c", "missing": missing}
    live_hub.shares.append([OWNED, truncated, sent(3, ("a", 3))])
    losses: list[str] = []
    worker = live_store.work("workers", on_loss=lambda loss: losses.append(str(loss)))
    until(live_hub, worker, {"cursor": "c3"})
    worker.run(lambda _: None)
    assert losses == ["events were removed before they were received: a 1 to 2"]


def test_a_worker_that_blocks_takes_no_coroutine_function_for_losses() -> None:
    async def accept(_: object) -> None: ...

    with EventStore("http://127.0.0.1:9") as store:
        for use in (
            lambda: store.work("workers", on_loss=accept),
            lambda: store.subscribe(on_loss=accept),
            lambda: store.search(on_loss=accept),
            lambda: store.read("s", on_loss=accept),
        ):
            with pytest.raises(TypeError, match=r"on_loss cannot be the coroutine function .* of AsyncEventStore"):
                use()


def test_closing_finishes_and_acknowledges_the_current_event_only(live_hub: FakeWebSocketHub, worker: Worker) -> None:
    given: list[int] = []

    def handle(event: Recorded) -> None:
        given.append(event.sequence)
        worker.close()

    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("a", 2))])
    worker.run(handle)
    assert live_hub.unsubscribed == 1
    assert (given, commands_of(live_hub)) == ([1], [{"action": "ack", "stream": "a", "sequence": 1}])


def test_a_closed_worker_does_not_connect(live_hub: FakeWebSocketHub, worker: Worker, handler: Handler) -> None:
    with worker:
        pass
    worker.run(handler)
    assert live_hub.connected == 0


def test_a_worker_that_waits_is_closed_by_another_thread(
    live_hub: FakeWebSocketHub, worker: Worker, handler: Handler
) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1))])
    acknowledged = threading.Event()

    def react(_: dict[str, Any]) -> Sequence[dict[str, Any]]:
        acknowledged.set()
        return []

    live_hub.react = react
    thread = threading.Thread(target=worker.run, args=[handler])
    thread.start()
    assert acknowledged.wait(10)
    worker.close()
    thread.join(10)
    assert not thread.is_alive()


def test_a_worker_that_waits_is_closed_by_the_handler_of_a_signal(
    live_hub: FakeWebSocketHub, worker: Worker, handler: Handler
) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1))])

    def react(_: dict[str, Any]) -> Sequence[dict[str, Any]]:
        os.kill(os.getpid(), signal.SIGUSR1)
        return []

    live_hub.react = react
    before = signal.signal(signal.SIGUSR1, lambda *_: worker.close())
    try:
        worker.run(handler)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert commands_of(live_hub) == [{"action": "ack", "cursor": "c2"}]


def test_a_hub_that_stays_away_for_hours_is_waited_for(
    live_hub: FakeWebSocketHub, live_store: EventStore, handler: Handler
) -> None:
    now = [0.0]

    def draw() -> float:
        now[0] += 3600
        return 0.0

    # Each pause advances the clock by an hour.
    live_store.backoff = Backoff(first=0.001, longest=0.001, clock=lambda: now[0], random=draw)
    live_hub.statuses.extend([503] * 5)
    live_hub.shares.append([OWNED, sent(2, ("a", 1))])
    worker = live_store.work("workers")
    until(live_hub, worker, {"cursor": "c2"})
    worker.run(handler)
    assert handler.given == [("a", 1)]


def test_a_worker_gives_up_after_its_patience(handler: Handler) -> None:
    store = EventStore("http://127.0.0.1:9", websocket_url="ws://127.0.0.1:9/ws")
    with store, pytest.raises(ConnectFailed):
        store.work("workers", patience=0).run(handler)


@pytest.mark.parametrize("open_store", ["blocking"], indirect=True)
def test_a_signal_ends_the_worker_after_its_event_and_a_second_has_its_usual_effect(
    live_hub: FakeWebSocketHub, worker: Worker
) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1))])
    handled: list[str] = []
    usual: list[int] = []

    def handle(event: Recorded) -> None:
        signal.raise_signal(signal.SIGUSR1)
        assert usual == []
        signal.raise_signal(signal.SIGUSR1)
        handled.append(event.stream)

    before = signal.signal(signal.SIGUSR1, lambda number, _: usual.append(number))
    try:
        worker.run(handle, signals=[signal.SIGUSR1])
        signal.raise_signal(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert handled == ["a"]
    assert usual == [signal.SIGUSR1] * 2


@pytest.mark.parametrize("open_store", ["blocking"], indirect=True)
def test_a_coroutine_function_is_refused_and_what_returns_a_coroutine_fails_its_event(
    live_hub: FakeWebSocketHub, worker: Worker
) -> None:
    async def handle(_: Recorded) -> None:
        """It is never awaited."""

    for wrong in (handle, None):
        with pytest.raises(TypeError, match="cannot handle events here"):
            worker.run(wrong)  # type: ignore[arg-type]
    assert not live_hub.connected
    live_hub.shares.append([OWNED, sent(2, ("a", 1))])
    until(live_hub, worker, {"action": "nack", "stream": "a"})
    worker.run(lambda event: handle(event))  # noqa: PLW0108 - it is no coroutine function
    [nack] = [command for command in commands_of(live_hub) if command["action"] == "nack"]
    assert "the handler returned an awaitable" in nack["reason"]
