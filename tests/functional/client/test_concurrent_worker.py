"""A worker that handles several streams at the same time; the test decides when each handler returns."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from eventstore_client import Backoff, HistoryLost, Park
from eventstore_client.verdicts import Leave
from tests.functional.client.test_busy_worker import OTHER, OWNED, Lines, again, log, sent, watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eventstore_client import EventStore, Loss, Recorded, Worker
    from tests.functional.client.fake_websocket_hub import FakeWebSocketHub

__all__ = ["log", "watched"]

pytestmark = pytest.mark.usefixtures("watched")

LOST = {"type": "truncated", "partition": 1, "missing": [{"stream": "a", "first": 1, "last": 4}]}


class Handlers:
    """The handlers of a worker that runs in a thread. Each waits until the test lets it return, or raise."""

    def __init__(self, hub: FakeWebSocketHub, open_store: Callable[..., EventStore]) -> None:
        self.now = 0.0
        self.hub = hub
        backoff = Backoff(first=0.001, longest=0.01, clock=lambda: self.now)
        self.store = open_store("http://127.0.0.1:9", websocket_url=hub.url, backoff=backoff)
        self.begun: list[tuple[str, int]] = []
        self.running_now: set[tuple[str, int]] = set()
        self.in_caller = ("", 0)
        self.attempts: dict[tuple[str, int], int] = {}
        self.raised: BaseException | None = None
        self.do: Callable[[Recorded], object] = lambda _: None
        self._outcomes: dict[tuple[str, int], Exception | None] = {}
        self._is_free = False
        self._changed = threading.Condition()

    @contextmanager
    def running(self, *, concurrency: int = 3, **options: Any) -> Iterator[Worker]:  # noqa: ANN401
        with self.store, self.store.work("workers", concurrency=concurrency, **options) as self.worker:
            thread = self.caller = threading.Thread(target=self._run)
            thread.start()
            try:
                yield self.worker
            finally:
                self.worker.close()
                with self._changed:
                    self._is_free = True
                    self._changed.notify_all()
                thread.join(20)
                assert not thread.is_alive()

    def until(self, *events: tuple[str, int]) -> None:
        """Wait until handlers process these events and no other."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.running_now == {*events}, timeout=20), self.running_now

    def until_begun(self, *events: tuple[str, int]) -> None:
        """Wait until handlers have begun these events, in any order."""
        with self._changed:
            assert self._changed.wait_for(lambda: sorted(self.begun) == sorted(events), timeout=20), self.begun

    def finish(self, stream: str, sequence: int, error: Exception | None = None) -> None:
        with self._changed:
            self._outcomes[stream, sequence] = error
            self._changed.notify_all()

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.hub.send()

    def _run(self) -> None:
        try:
            self.worker.run(self._handle)
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.raised = error

    def _handle(self, event: Recorded) -> None:
        place = (event.stream, event.sequence)
        with self._changed:
            assert event.stream not in {stream for stream, _ in self.running_now}, "two events of one stream"
            self.begun.append(place)
            self.running_now.add(place)
            if threading.current_thread() is self.caller:
                self.in_caller = place
            self.attempts[place] = self.worker.attempt
            self._changed.notify_all()
        try:
            self.do(event)
            with self._changed:
                assert self._changed.wait_for(lambda: self._is_free or place in self._outcomes, timeout=20), place
                if error := self._outcomes.pop(place, None):
                    raise error
        finally:
            with self._changed:
                self.running_now.remove(place)
                self._changed.notify_all()


@pytest.fixture
def handlers(live_hub: FakeWebSocketHub, open_store: Callable[..., EventStore]) -> Handlers:
    live_hub.joined |= {"ack_deadline": 30}
    return Handlers(live_hub, open_store)


def acks(hub: FakeWebSocketHub) -> list[Any]:
    """The cursors, and streams with sequences, of the acknowledgements."""
    return [
        message.get("cursor") or (message["stream"], message["sequence"])
        for message in hub.commands
        if message["action"] == "ack"
    ]


def test_streams_are_handled_at_the_same_time_and_each_in_order(live_hub: FakeWebSocketHub, handlers: Handlers) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("a", 2), ("b", 1), ("c", 1), ("d", 1))])
    with handlers.running(concurrency=3):
        handlers.until(("a", 1), ("b", 1), ("c", 1))
        handlers.finish("a", 1)
        handlers.until(("a", 2), ("b", 1), ("c", 1))
        handlers.finish("b", 1)
        handlers.until(("a", 2), ("c", 1), ("d", 1))


def test_events_of_later_frames_and_other_partitions_are_handled_meanwhile(
    live_hub: FakeWebSocketHub, handlers: Handlers
) -> None:
    live_hub.shares.append([OWNED, OTHER, sent(2, ("a", 1)), sent(3, ("b", 1)), sent(2, ("z", 1), partition=2)])
    with handlers.running(concurrency=3):
        handlers.until(("a", 1), ("b", 1), ("z", 1))


def test_a_cursor_is_acknowledged_once_all_earlier_events_are_handled(
    live_hub: FakeWebSocketHub, handlers: Handlers
) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1)), sent(3, ("c", 1))])
    with handlers.running(concurrency=3):
        handlers.until(("a", 1), ("b", 1), ("c", 1))
        handlers.finish("c", 1)
        handlers.finish("b", 1)
        handlers.until(("a", 1))
        assert acks(live_hub) == []
        handlers.finish("a", 1)
        live_hub.until_command(cursor="c3")
    assert "c2" not in acks(live_hub)[1:]


def test_events_handled_beside_a_slow_one_are_acknowledged_by_stream(
    live_hub: FakeWebSocketHub, handlers: Handlers
) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1)), sent(3, ("b", 1))])
    with handlers.running(concurrency=2):
        handlers.until(("a", 1), ("b", 1))
        handlers.finish("b", 1)
        handlers.until(("a", 1))
        handlers.advance(10)
        live_hub.until_command(stream="b", sequence=1, frame=3)
    assert ("a", 1) not in acks(live_hub)[:1]


def test_a_cursor_does_not_cover_the_events_of_later_frames(live_hub: FakeWebSocketHub, handlers: Handlers) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1)), sent(3, ("b", 1), ("c", 1))])
    with handlers.running(concurrency=3):
        handlers.until(("a", 1), ("b", 1), ("c", 1))
        handlers.finish("b", 1)
        handlers.until(("a", 1), ("c", 1))
        handlers.finish("a", 1)
        live_hub.until_command(cursor="c2")
        handlers.advance(10)
        live_hub.until_command(stream="b", sequence=1, frame=3)


def test_a_failure_drops_the_rest_of_its_stream_and_no_other(live_hub: FakeWebSocketHub, handlers: Handlers) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("a", 2), ("b", 1)), sent(3, ("a", 3), ("b", 2))])
    with handlers.running(concurrency=2):
        handlers.until(("a", 1), ("b", 1))
        handlers.finish("a", 1, ValueError("card declined"))
        live_hub.until_command(action="nack", stream="a", sequence=1)
        handlers.finish("b", 1)
        handlers.until(("b", 2))
        live_hub.send(again(4, "a", 1), again(5, "a", 2, 3, attempt=1))
        handlers.until(("a", 1), ("b", 2))
        assert handlers.attempts["a", 1] == 2
        handlers.finish("a", 1)
        handlers.until(("a", 2), ("b", 2))
        assert handlers.attempts["a", 2] == 1


def test_a_cursor_does_not_wait_for_the_events_of_a_held_stream(live_hub: FakeWebSocketHub, handlers: Handlers) -> None:
    live_hub.shares.append([OWNED, again(2, "a", 1), sent(3, ("b", 1))])
    with handlers.running(concurrency=2):
        handlers.until(("a", 1), ("b", 1))
        handlers.finish("b", 1)
        live_hub.until_command(cursor="c3")
        handlers.until(("a", 1))


def test_a_revoked_partition_is_released_when_all_its_events_are_handled(
    live_hub: FakeWebSocketHub, handlers: Handlers
) -> None:
    revoked = {"type": "revoked", "partition": 1, "frame": 4}
    live_hub.shares.append([OWNED, again(2, "h", 1, 2), sent(3, ("a", 1), ("b", 1)), revoked])
    with handlers.running(concurrency=4):
        handlers.until(("a", 1), ("b", 1), ("h", 1))
        handlers.finish("b", 1)
        handlers.finish("a", 1)
        live_hub.until_command(cursor="c3")
        assert not [message for message in live_hub.commands if message["action"] == "release"]
        handlers.finish("h", 1)
        handlers.until(("h", 2))
        handlers.finish("h", 2)
        live_hub.until_command(action="release", partition=1)
    assert live_hub.commands[-1]["action"] == "release"


def test_closing_waits_for_all_handlers_and_starts_no_event(live_hub: FakeWebSocketHub, handlers: Handlers) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1), ("a", 2), ("c", 1))])
    with handlers.running(concurrency=2) as worker:
        handlers.until(("a", 1), ("b", 1))
        worker.close()
        handlers.finish("b", 1)
        handlers.until(("a", 1))
    assert handlers.begun == [("a", 1), ("b", 1)]
    assert sorted(acks(live_hub)) == [("a", 1), ("b", 1)]
    assert live_hub.unsubscribed == 1


@pytest.mark.parametrize("open_store", ["blocking"], indirect=True)
def test_a_lost_connection_is_replaced_after_all_handlers_have_returned(
    live_hub: FakeWebSocketHub, handlers: Handlers
) -> None:
    connected = threading.Semaphore(0)
    live_hub.guard = lambda _: connected.release()
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1))])
    live_hub.shares.append([OWNED | {"frame": 3}, sent(4, ("a", 1), ("b", 1)) | {"attempt": 2}])
    with handlers.running(concurrency=2):
        handlers.until(("a", 1), ("b", 1))
        assert connected.acquire(timeout=20)
        live_hub.disconnect()
        other = ({("a", 1), ("b", 1)} - {handlers.in_caller}).pop()
        handlers.finish(*handlers.in_caller)
        assert not connected.acquire(timeout=0.2)
        handlers.finish(*other)
        assert connected.acquire(timeout=20)
        handlers.until(("a", 1), ("b", 1))


def test_a_stream_of_a_partition_owned_again_waits_for_its_handler(
    live_hub: FakeWebSocketHub, handlers: Handlers
) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("a", 2), ("b", 1))])
    with handlers.running(concurrency=3):
        handlers.until(("a", 1), ("b", 1))
        live_hub.send(OWNED | {"frame": 3, "cursor": "c9"}, sent(4, ("a", 1), ("c", 1)))
        handlers.until(("a", 1), ("b", 1), ("c", 1))
        handlers.finish("a", 1)
        handlers.until_begun(("a", 1), ("b", 1), ("c", 1), ("a", 1))


def test_a_loss_is_reported_before_the_events_after_it(live_hub: FakeWebSocketHub, handlers: Handlers) -> None:
    reported, go_on = threading.Event(), threading.Event()

    def accept(_: Loss) -> None:
        reported.set()
        assert go_on.wait(20)

    live_hub.shares.append([OWNED, sent(2, ("b", 1)), LOST | {"frame": 3, "cursor": "c3"}, sent(4, ("a", 5))])
    with handlers.running(concurrency=3, on_loss=accept):
        assert reported.wait(20)
        handlers.until(("b", 1))
        assert handlers.begun == [("b", 1)]
        go_on.set()
        handlers.until(("a", 5), ("b", 1))


def test_a_loss_without_a_function_ends_the_worker_after_its_handlers(
    live_hub: FakeWebSocketHub, handlers: Handlers
) -> None:
    live_hub.shares.append([OWNED, sent(2, ("b", 1)), LOST | {"frame": 3, "cursor": "c3"}])
    with handlers.running(concurrency=2):
        handlers.until(("b", 1))
        handlers.finish("b", 1)
        assert live_hub.left.acquire(timeout=20)
    assert isinstance(handlers.raised, HistoryLost)
    assert handlers.raised.cursor == "c3"


@pytest.mark.parametrize("open_store", ["blocking"], indirect=True)
def test_an_interrupt_of_a_handler_ends_the_worker(live_hub: FakeWebSocketHub, handlers: Handlers) -> None:
    class Interrupt(BaseException):
        pass

    both = threading.Barrier(2)

    def interrupt(_: Recorded) -> None:
        both.wait(20)
        if threading.current_thread().name == "eventstore worker workers 2":
            raise Interrupt

    handlers.do = interrupt
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1))])
    with handlers.running(concurrency=2):
        # One of the two runs in the thread that runs the worker.
        handlers.finish("a", 1)
        handlers.finish("b", 1)
        assert live_hub.left.acquire(timeout=20)
    assert isinstance(handlers.raised, Interrupt)


def test_each_handler_has_a_deadline_of_its_own(live_hub: FakeWebSocketHub, handlers: Handlers) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1))])
    with handlers.running(concurrency=2):
        handlers.until(("a", 1), ("b", 1))
        handlers.advance(20)
        live_hub.until_command(action="ack")
        handlers.finish("b", 1)
        handlers.until(("a", 1))
        live_hub.send(sent(3, ("c", 1)))
        handlers.until(("a", 1), ("c", 1))
        handlers.advance(15)
        live_hub.until_command(action="nack", stream="a", sequence=1)
        live_hub.until_command(cursor="c2")
    assert [message["stream"] for message in live_hub.commands if message["action"] == "nack"] == ["a"]


def test_a_handler_that_outlasts_its_deadline_delays_no_cursor(live_hub: FakeWebSocketHub, handlers: Handlers) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1), ("a", 2))])
    with handlers.running(concurrency=2):
        handlers.until(("a", 1), ("b", 1))
        handlers.finish("b", 1)
        handlers.until(("a", 1))
        handlers.advance(30)
        live_hub.until_command(action="nack", stream="a", sequence=1)
        live_hub.until_command(cursor="c2")
        live_hub.send(sent(3, ("a", 3), ("c", 1)))
        handlers.until(("a", 1), ("c", 1))
        handlers.finish("c", 1)
        live_hub.until_command(cursor="c3")
        live_hub.send(again(4, "a", 1), again(5, "a", 2, 3, attempt=1), again(6, "a"), sent(7, ("a", 4)))
        handlers.finish("a", 1)
        live_hub.until_command(stream="a", sequence=1, frame=4)
        for sequence in (2, 3, 4):
            handlers.until(("a", sequence))
            handlers.finish("a", sequence)
        live_hub.until_command(cursor="c7")
    assert handlers.begun == [("a", 1), ("b", 1), ("c", 1), ("a", 2), ("a", 3), ("a", 4)]


def test_a_late_handler_drops_nothing_of_a_partition_that_is_owned_again(
    live_hub: FakeWebSocketHub, handlers: Handlers
) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("a", 2))])
    with handlers.running(concurrency=2):
        handlers.until(("a", 1))
        handlers.advance(30)
        live_hub.until_command(action="nack", stream="a", sequence=1)
        live_hub.send(OWNED | {"frame": 3, "cursor": "c9"}, sent(4, ("a", 1), ("a", 2), ("b", 1)))
        handlers.until(("a", 1), ("b", 1))
        handlers.finish("a", 1)
        handlers.until_begun(("a", 1), ("b", 1), ("a", 1))
        handlers.finish("a", 1)
        handlers.until(("a", 2), ("b", 1))


def test_an_event_that_is_left_does_not_fail_while_others_are_handled(
    live_hub: FakeWebSocketHub, handlers: Handlers
) -> None:
    both = threading.Barrier(2)

    def leave(event: Recorded) -> None:
        both.wait(20)
        if event.stream == "a":
            raise Leave

    handlers.do = leave
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1))])
    with handlers.running(concurrency=2):
        handlers.until(("b", 1))
        handlers.advance(20)
        live_hub.until_command(action="ack")
        handlers.advance(20)
        handlers.finish("b", 1)
        assert live_hub.left.acquire(timeout=20)
    # The handler of the other event was late.
    assert {message["stream"] for message in live_hub.commands if message["action"] == "nack"} <= {"b"}
    assert live_hub.unsubscribed == 1


def test_waiting_stops_the_deadline_of_one_handler(live_hub: FakeWebSocketHub, handlers: Handlers) -> None:
    def wait(event: Recorded) -> None:
        if event.stream == "a":
            handlers.worker.wait(3600)

    handlers.do = wait
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1))])
    with handlers.running(concurrency=2):
        handlers.until(("a", 1), ("b", 1))
        handlers.advance(31)
        live_hub.until_command(action="nack", stream="b", sequence=1)
    # Closing the worker ended the wait: the event is not acknowledged, and did not fail.
    assert [message["stream"] for message in live_hub.commands if message["action"] == "nack"] == ["b"]
    assert not [message for message in live_hub.commands if message.get("stream") == "a"]


def test_the_attempt_is_that_of_each_handlers_event(live_hub: FakeWebSocketHub, handlers: Handlers) -> None:
    live_hub.shares.append([OWNED, again(2, "a", 1, attempt=4), sent(3, ("b", 1))])
    with handlers.running(concurrency=2):
        handlers.until(("a", 1), ("b", 1))
    assert handlers.attempts == {("a", 1): 4, ("b", 1): 1}


def test_parking_concerns_one_stream(live_hub: FakeWebSocketHub, handlers: Handlers, log: Lines) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1))])
    with handlers.running(concurrency=2):
        handlers.until(("a", 1), ("b", 1))
        handlers.finish("a", 1, Park("no such account"))
        live_hub.until_command(action="nack", stream="a", park=True, reason="no such account")
        log.until("the handler parks a 1 (attempt 1): no such account")
        handlers.until(("b", 1))


def test_a_concurrency_of_none_is_refused(live_store: EventStore) -> None:
    with pytest.raises(ValueError, match="concurrency must be at least 1, not 0"):
        live_store.work("workers", concurrency=0)
