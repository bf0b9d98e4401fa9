"""A worker whose handler takes long, with a clock that the test advances."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from eventstore_client import Backoff, HistoryLost, Park, partitions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eventstore_client import EventStore, Recorded, Worker
    from tests.functional.client.fake_websocket_hub import FakeWebSocketHub

pytestmark = pytest.mark.usefixtures("watched")

OWNED = {"type": "owned", "partition": 1, "frame": 1, "cursor": "c0"}
OTHER = {"type": "owned", "partition": 2, "frame": 1, "cursor": "d0"}


def event(stream: str, sequence: int) -> dict[str, Any]:
    event = {"specversion": "1.0", "id": f"{sequence}", "source": "/tests", "type": "t"}
    return event | {"hubstream": stream, "hubsequence": f"{sequence}", "hubtime": "2026-01-05T09:00:00Z"}


def sent(frame: int, *events: tuple[str, int], partition: int = 1) -> dict[str, Any]:
    frame_events = [event(*place) for place in events]
    return {"type": "events", "partition": partition, "frame": frame, "events": frame_events, "cursor": f"c{frame}"}


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


@pytest.fixture
def watched() -> Iterator[None]:
    """No thread is left running, because it would disturb other tests."""
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


class Lines(logging.Handler):
    """Collects log lines and waits for them: a test learns what the reader thread has done."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._lines: list[str] = []
        self._came = threading.Condition()

    def emit(self, record: logging.LogRecord) -> None:
        with self._came:
            self._lines.append(record.getMessage())
            self._came.notify_all()

    def until(self, part: str) -> None:
        """Wait for a line that contains the text."""
        with self._came:
            assert self._came.wait_for(lambda: any(part in line for line in self._lines), timeout=20), self._lines


@pytest.fixture
def log() -> Iterator[Lines]:
    logger, lines = logging.getLogger("eventstore_client"), Lines()
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(lines)
    yield lines
    logger.removeHandler(lines)
    logger.setLevel(level)


class Busy:
    """A worker that runs in a thread; its handler returns when the test allows it."""

    def __init__(self, hub: FakeWebSocketHub, open_store: Callable[..., EventStore]) -> None:
        self.hub = hub
        self.now = 0.0
        backoff = Backoff(first=0.001, longest=0.01, clock=lambda: self.now)
        self.store = open_store("http://127.0.0.1:9", websocket_url=hub.url, backoff=backoff)
        self.given: list[tuple[str, int]] = []
        self.raising: dict[tuple[str, int], Exception] = {}
        self._begun = threading.Semaphore(0)
        self._go = threading.Semaphore(0)
        self._free = False

    @contextmanager
    def running(self, **options: Any) -> Iterator[Worker]:  # noqa: ANN401
        with self.store, self.store.work("workers", **options) as worker:
            thread = threading.Thread(target=worker.run, args=[self._handle])
            thread.start()
            try:
                yield worker
            finally:
                worker.close()
                self.finish_all()
                thread.join(20)
                assert not thread.is_alive()

    def begin(self) -> tuple[str, int]:
        """Wait until the handler begins an event; return the event."""
        assert self._begun.acquire(timeout=20)
        return self.given[-1]

    def finish(self) -> None:
        """Let the handler return, or raise."""
        self._go.release()

    def finish_all(self) -> None:
        """Let the handler return at once from now on."""
        self._free = True
        self._go.release()

    def advance(self, seconds: float) -> None:
        """Advance the clock, and wake the reader to look at it."""
        self.now += seconds
        self.hub.send()

    def _handle(self, event: Recorded) -> None:
        self.given.append((event.stream, event.sequence))
        self._begun.release()
        assert self._free or self._go.acquire(timeout=20)
        if error := self.raising.pop((event.stream, event.sequence), None):
            raise error


@pytest.fixture
def busy(live_hub: FakeWebSocketHub, open_store: Callable[..., EventStore]) -> Busy:
    live_hub.joined = live_hub.joined | {"ack_deadline": 30}
    return Busy(live_hub, open_store)


def commands_of(hub: FakeWebSocketHub) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in message.items() if name not in {"id", "request"}} for message in hub.commands
    ]


def test_every_partition_is_kept_alive_while_a_handler_runs(live_hub: FakeWebSocketHub, busy: Busy) -> None:
    live_hub.shares.append([OWNED, OTHER, sent(2, ("a", 1), ("b", 1)), sent(2, ("x", 1), partition=2)])
    with busy.running():
        busy.begin()
        for times in (1, 2):
            busy.advance(10)
            live_hub.until_command(request=f"{times}")
    assert commands_of(live_hub)[:2] == [{"action": "ack", "cursor": ["c0", "d0"]}] * 2


def test_an_idle_worker_sends_nothing(live_hub: FakeWebSocketHub, busy: Busy) -> None:
    live_hub.shares.append([OWNED, OTHER, sent(2, ("a", 1))])
    with busy.running():
        busy.begin()
        busy.finish()
        live_hub.until_command(cursor="c2")
        for _ in range(9):
            busy.advance(10)
        live_hub.send(sent(3, ("a", 2)))
        busy.begin()
    assert [command["cursor"] for command in commands_of(live_hub)] == ["c2", "c3"]


@pytest.mark.parametrize(
    ("deadline", "alive_every", "wanted"), [(3, None, 1.0), (30, 4.0, 4.0), (3, 99.0, 1.0), (None, None, 5.0)]
)
def test_keep_alives_follow_the_deadline(
    live_hub: FakeWebSocketHub, busy: Busy, deadline: int | None, alive_every: float | None, wanted: float
) -> None:
    del live_hub.joined["ack_deadline"]
    live_hub.joined |= {} if deadline is None else {"ack_deadline": deadline}
    live_hub.shares.append([OWNED, sent(2, ("a", 1))])
    with busy.running(alive_every=alive_every):
        busy.begin()
        busy.advance(wanted * 0.9)
        assert live_hub.commands == []
        busy.advance(wanted * 0.1)
        live_hub.until_command(cursor=["c0"])


def test_a_deadline_that_is_changed_is_followed(live_hub: FakeWebSocketHub, busy: Busy, log: Lines) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1))])
    with busy.running():
        busy.begin()
        live_hub.send({"type": "changed", "subscription": "workers", "version": 2, "ack_deadline": 3}, OTHER)
        log.until("owns partition 2")
        busy.advance(1)
        live_hub.until_command(cursor=["c0", "d0"])
        busy.advance(2)
        assert live_hub.until_command(action="nack")["reason"] == "the handler still runs after 3 s"


def test_the_socket_is_read_while_a_handler_runs(live_hub: FakeWebSocketHub, busy: Busy, log: Lines) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1))])
    with busy.running():
        busy.begin()
        # More than any buffer on the way holds; when the last message is read, so are all before it.
        large = "x" * 60_000
        for number in range(3, 203):
            live_hub.send(sent(number, ("b", number)) | {"padding": large})
        live_hub.send(OTHER)
        log.until("owns partition 2")
        busy.advance(10)
        live_hub.until_command(cursor=["c0", "d0"])
        assert busy.given == [("a", 1)]
        busy.finish_all()
        live_hub.until_command(cursor="c202")
    assert busy.given == [("a", 1), *(("b", number) for number in range(3, 203))]


def test_a_handler_that_outlasts_the_deadline_receives_only_its_event_again(
    live_hub: FakeWebSocketHub, busy: Busy
) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("a", 2), ("b", 1)), sent(3, ("c", 1))])
    with busy.running():
        busy.begin()
        busy.advance(30)
        nack = live_hub.until_command(action="nack")
        for _ in range(20):
            busy.advance(30)
        busy.finish_all()
        live_hub.until_command(cursor="c3")
    assert (nack["stream"], nack["sequence"], nack["frame"]) == ("a", 1, 2)
    assert nack["reason"] == "the handler still runs after 30 s"
    assert [
        (command["stream"], command["sequence"]) for command in live_hub.commands if command["action"] == "nack"
    ] == [("a", 1)]
    assert busy.given == [("a", 1), ("b", 1), ("c", 1)]


def test_an_event_that_is_handled_late_is_acknowledged_and_not_handled_twice(
    live_hub: FakeWebSocketHub, busy: Busy
) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("a", 2))])
    with busy.running():
        busy.begin()
        busy.advance(30)
        live_hub.until_command(action="nack")
        live_hub.send(again(3, "a", 1), again(4, "a", 2, attempt=1))
        busy.finish_all()
        live_hub.until_command(action="ack", sequence=2)
    assert busy.given == [("a", 1), ("a", 2)]
    acked = [command["sequence"] for command in live_hub.commands if command["action"] == "ack" and "stream" in command]
    assert acked == [1, 1, 2]


def test_a_late_failure_is_sent_with_its_reason_and_frame(live_hub: FakeWebSocketHub, busy: Busy) -> None:
    busy.raising["a", 1] = Park("nonsense")
    live_hub.shares.append([OWNED, sent(2, ("a", 1))])
    with busy.running():
        busy.begin()
        busy.advance(30)
        live_hub.until_command(action="nack")
        live_hub.send(again(3, "a", 1))
        busy.finish_all()
        live_hub.until_command(reason="nonsense", frame=2, park=True)
        live_hub.until_command(action="ack", sequence=1, frame=3)
    assert busy.given == [("a", 1), ("a", 1)]


def test_without_a_deadline_of_the_hub_commands_name_no_frames(live_hub: FakeWebSocketHub, busy: Busy) -> None:
    del live_hub.joined["ack_deadline"]
    busy.raising["a", 1] = ValueError("late")
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1))])
    with busy.running():
        busy.begin()
        busy.advance(30)
        live_hub.until_command(action="nack")
        busy.finish_all()
        live_hub.until_command(cursor="c2")
    assert [command.get("reason") for command in commands_of(live_hub) if command["action"] == "nack"] == [
        "the handler still runs after 30 s"
    ]
    assert not any("frame" in command for command in live_hub.commands)


def test_handled_events_of_a_slow_frame_are_acknowledged_at_once(live_hub: FakeWebSocketHub, busy: Busy) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1), ("a", 2), ("c", 1))])
    with busy.running():
        busy.begin()
        busy.finish()
        busy.begin()
        busy.now += 1.5
        busy.finish()
        busy.begin()
        busy.finish_all()
        live_hub.until_command(cursor="c2")
    assert commands_of(live_hub) == [
        {"action": "ack", "stream": "a", "sequence": 1, "frame": 2},
        {"action": "ack", "stream": "b", "sequence": 1, "frame": 2},
        {"action": "ack", "cursor": "c2"},
    ]


def test_events_handled_before_a_slow_one_are_acknowledged_meanwhile(live_hub: FakeWebSocketHub, busy: Busy) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1))])
    with busy.running():
        busy.begin()
        busy.finish()
        busy.begin()
        busy.advance(10)
        live_hub.until_command(stream="a", sequence=1)
        live_hub.until_command(cursor=["c0"])


def test_owning_a_partition_again_forgets_its_earlier_events(
    live_hub: FakeWebSocketHub, busy: Busy, log: Lines
) -> None:
    busy.raising["a", 1] = ValueError("no")
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1), ("c", 1)), sent(3, ("d", 1))])
    with busy.running():
        busy.begin()
        busy.finish()
        live_hub.until_command(action="nack")
        busy.begin()
        replayed = [OWNED | {"frame": 4, "cursor": "e0"}, sent(5, ("a", 1), ("b", 1)), OTHER]
        live_hub.send(*replayed)
        log.until("owns partition 2")
        busy.finish_all()
        live_hub.until_command(cursor="c5")
    assert busy.given == [("a", 1), ("b", 1), ("a", 1), ("b", 1)]
    assert commands_of(live_hub)[1:] == [{"action": "ack", "cursor": "c5"}]


def test_an_earlier_failure_is_not_reported_for_a_partition_owned_again(
    live_hub: FakeWebSocketHub, busy: Busy, log: Lines
) -> None:
    busy.raising["a", 1] = ValueError("no")
    live_hub.shares.append([OWNED, sent(2, ("a", 1))])
    with busy.running():
        busy.begin()
        live_hub.send(OWNED | {"frame": 3, "cursor": "e0"}, sent(4, ("a", 1)), OTHER)
        log.until("owns partition 2")
        busy.finish_all()
        live_hub.until_command(cursor="c4")
    assert "nack" not in {command["action"] for command in live_hub.commands}


def test_a_revoked_partition_is_released_while_the_handler_of_another_blocks(
    live_hub: FakeWebSocketHub, busy: Busy, log: Lines
) -> None:
    live_hub.shares.append([OWNED, OTHER, sent(2, ("a", 1)), sent(2, ("x", 1), partition=2)])
    with busy.running():
        busy.begin()
        live_hub.send({"type": "revoked", "partition": 2, "frame": 3})
        log.until("to release partition 2")
        busy.advance(10)
        live_hub.until_command(action="release", partition=2)
        busy.finish_all()
        live_hub.until_command(cursor="c2")
    assert busy.given == [("a", 1)]


def test_a_revoked_partition_is_released_when_its_handler_outlasts_the_deadline(
    live_hub: FakeWebSocketHub, busy: Busy, log: Lines
) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1))])
    with busy.running():
        busy.begin()
        live_hub.send({"type": "revoked", "partition": 1, "frame": 3})
        log.until("to release partition 1")
        busy.advance(20)
        live_hub.until_command(cursor=["c0"])
        busy.advance(10)
        live_hub.until_command(action="release")
    assert [command["action"] for command in live_hub.commands if "cursor" not in command] == ["nack", "release"]


def test_a_revoked_partition_is_released_when_its_current_event_is_handled(
    live_hub: FakeWebSocketHub, busy: Busy, log: Lines
) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1))])
    with busy.running():
        busy.begin()
        live_hub.send({"type": "revoked", "partition": 1, "frame": 3})
        log.until("to release partition 1")
        busy.advance(20)
        live_hub.until_command(cursor=["c0"])
        busy.finish()
        live_hub.until_command(action="release")
    assert commands_of(live_hub)[1:] == [
        {"action": "ack", "stream": "a", "sequence": 1, "frame": 2},
        {"action": "release", "partition": 1, "frame": 3},
    ]


def test_a_command_that_the_hub_cannot_accept_now_is_sent_again(live_hub: FakeWebSocketHub, busy: Busy) -> None:
    live_hub.refusals.append({"type": "error", "code": "store-unavailable", "detail": "not now"})
    live_hub.shares.append([OWNED, sent(2, ("a", 1))])
    with busy.running():
        busy.finish_all()
        first = live_hub.until_command(cursor="c2")
        while len(live_hub.commands) < 2:
            busy.advance(1)
    assert live_hub.commands == [first, first]
    assert live_hub.connected == 1


def test_a_worker_disconnects_from_a_hub_that_floods_it(
    live_hub: FakeWebSocketHub, busy: Busy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(partitions, "_MOST_WAITING", 3)
    live_hub.shares.append([OWNED, sent(2, ("a", 1))])
    live_hub.shares.append([OWNED, sent(2, ("b", 1))])
    with busy.running():
        busy.begin()
        live_hub.send(sent(3, ("a", 2), ("a", 3), ("a", 4), ("a", 5)))
        assert live_hub.left.acquire(timeout=20)
        busy.finish_all()
        live_hub.until_command(cursor="c2")
    assert busy.given == [("a", 1), ("b", 1)]
    assert "the hub sent more than 3 events of partition 1" in caplog.text


def test_a_loss_is_acknowledged_after_its_handler(live_hub: FakeWebSocketHub, busy: Busy) -> None:
    missing = [{"stream": "a", "first": 1, "last": 2}]
    truncated = {"type": "truncated", "partition": 1, "frame": 2, "cursor": "c2", "missing": missing, "gone": ["z"]}
    live_hub.shares.append([OWNED, truncated])
    losses: list[tuple[str, int]] = []
    with busy.running(on_loss=lambda loss: losses.append((str(loss), len(live_hub.commands)))):
        live_hub.until_command(action="ack", cursor="c2")
    line = "events were removed before they were received: a 1 to 2; streams were deleted permanently: z"
    assert losses == [(line, 0)]


def test_a_loss_without_a_handler_is_not_acknowledged(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    missing = [{"stream": "a", "first": 1, "last": 2}]
    truncated = {"type": "truncated", "partition": 1, "frame": 2, "cursor": "c2", "missing": missing}
    live_hub.shares.append([OWNED, truncated])
    with pytest.raises(HistoryLost):
        live_store.work("workers").run(lambda _: None)
    assert live_hub.commands == []


def test_the_log_explains_a_stall(
    live_hub: FakeWebSocketHub, busy: Busy, log: Lines, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "eventstore_client")
    live_hub.shares.append([OWNED, sent(2, ("a", 1)), sent(3, ("b", 1))])
    with busy.running():
        busy.begin()
        busy.advance(30)
        live_hub.until_command(action="nack")
        live_hub.send(again(4, "a", 1) | {"reason": "the handler still runs"})
        log.until("a 1 is redelivered")
        live_hub.disconnect()
    lines = [record.getMessage() for record in caplog.records]
    for part in (
        f"the worker of 'workers' is connected to {live_hub.url}",
        "the worker of 'workers' owns partition 1",
        "the handler of a 1 has run for 30 s, longer than the deadline; 1 frames wait",
        "a 1 is redelivered, attempt 2: the handler still runs",
        "the worker of 'workers' has ended: it was closed",
    ):
        assert any(part in line for line in lines), (part, lines)


def test_the_log_has_the_traceback_of_a_handler_and_the_reason_has_its_file_and_line(
    live_hub: FakeWebSocketHub, live_store: EventStore, caplog: pytest.LogCaptureFixture
) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1))])
    with live_store.work("workers") as worker:

        def handle(_: Recorded) -> None:
            worker.close()
            raise ValueError("card declined")

        worker.run(handle)
    [nack] = [command for command in live_hub.commands if command["action"] == "nack"]
    assert nack["reason"] == f"ValueError: card declined (test_busy_worker.py:{handle.__code__.co_firstlineno + 2})"
    [record] = [record for record in caplog.records if record.exc_info]
    assert record.levelno == logging.ERROR
    assert record.getMessage().endswith(f"the handler failed at a 1 (attempt 1): {nack['reason']}")
