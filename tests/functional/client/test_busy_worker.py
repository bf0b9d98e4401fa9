"""What a worker does while its handler takes long, by a clock that the test moves."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from eventstore_client import Backoff, EventStore, HistoryLost, Park, partitions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_client import Recorded, Worker
    from tests.functional.client.fake_websocket_hub import FakeWebSocketHub

pytestmark = pytest.mark.usefixtures("watched")

OWNED = {"type": "owned", "partition": 1, "frame": 1, "cursor": "c0"}
OTHER = {"type": "owned", "partition": 2, "frame": 1, "cursor": "d0"}


def event(stream: str, sequence: int) -> dict[str, Any]:
    event = {"specversion": "1.0", "id": f"{sequence}", "source": "/tests", "type": "t"}
    return event | {"hubstream": stream, "hubsequence": f"{sequence}", "hubtime": "2026-01-05T09:00:00Z"}


def sent(frame: int, *events: tuple[str, int], partition: int = 1) -> dict[str, Any]:
    found = [event(*one) for one in events]
    return {"type": "events", "partition": partition, "frame": frame, "events": found, "cursor": f"c{frame}"}


def again(frame: int, stream: str, *sequences: int, attempt: int = 2) -> dict[str, Any]:
    found = [event(stream, sequence) for sequence in sequences]
    return {"type": "events", "partition": 1, "frame": frame, "stream": stream, "attempt": attempt, "events": found}


@pytest.fixture
def watched() -> Iterator[None]:
    """Nothing is left running: a thread left behind would be another test's trouble."""
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


class Lines(logging.Handler):
    """What the log says, to be waited for: so a test knows what the thread that reads has come to."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._lines: list[str] = []
        self._came = threading.Condition()

    def emit(self, record: logging.LogRecord) -> None:
        with self._came:
            self._lines.append(record.getMessage())
            self._came.notify_all()

    def until(self, part: str) -> None:
        """Return once a line has this part."""
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
    """A worker that runs in a thread; its handler ends an event when the test lets it."""

    def __init__(self, hub: FakeWebSocketHub) -> None:
        self.hub = hub
        self.now = 0.0
        backoff = Backoff(first=0.001, longest=0.01, clock=lambda: self.now)
        self.store = EventStore("http://127.0.0.1:9", websocket_url=hub.url, backoff=backoff)
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
        """Which event the handler has begun, once it has."""
        assert self._begun.acquire(timeout=20)
        return self.given[-1]

    def finish(self) -> None:
        """Let the handler return, or raise."""
        self._go.release()

    def finish_all(self) -> None:
        """Let the handler wait no more."""
        self._free = True
        self._go.release()

    def advance(self, seconds: float) -> None:
        """Let time pass; whoever reads looks at the clock."""
        self.now += seconds
        self.hub.send()

    def _handle(self, event: Recorded) -> None:
        self.given.append((event.stream, event.sequence))
        self._begun.release()
        assert self._free or self._go.acquire(timeout=20)
        if error := self.raising.pop((event.stream, event.sequence), None):
            raise error


@pytest.fixture
def busy(live_hub: FakeWebSocketHub) -> Busy:
    live_hub.joined = live_hub.joined | {"ack_deadline": 30}
    return Busy(live_hub)


def said(hub: FakeWebSocketHub) -> list[dict[str, Any]]:
    return [{name: value for name, value in message.items() if name not in {"id", "request"}} for message in hub.said]


def test_every_partition_is_kept_alive_while_a_handler_runs(live_hub: FakeWebSocketHub, busy: Busy) -> None:
    live_hub.shares.append([OWNED, OTHER, sent(2, ("a", 1), ("b", 1)), sent(2, ("x", 1), partition=2)])
    with busy.running():
        busy.begin()
        for times in (1, 2):
            busy.advance(10)
            live_hub.until_said(request=f"{times}")
    assert said(live_hub)[:2] == [{"action": "ack", "cursor": ["c0", "d0"]}] * 2


def test_nothing_is_said_while_there_is_nothing_to_do(live_hub: FakeWebSocketHub, busy: Busy) -> None:
    live_hub.shares.append([OWNED, OTHER, sent(2, ("a", 1))])
    with busy.running():
        busy.begin()
        busy.finish()
        live_hub.until_said(cursor="c2")
        for _ in range(9):
            busy.advance(10)
        live_hub.send(sent(3, ("a", 2)))
        busy.begin()
    assert [one["cursor"] for one in said(live_hub)] == ["c2", "c3"]


@pytest.mark.parametrize(
    ("deadline", "alive_every", "wanted"), [(3, None, 1.0), (30, 4.0, 4.0), (3, 99.0, 1.0), (None, None, 5.0)]
)
def test_signs_of_life_follow_the_deadline(
    live_hub: FakeWebSocketHub, busy: Busy, deadline: int | None, alive_every: float | None, wanted: float
) -> None:
    del live_hub.joined["ack_deadline"]
    live_hub.joined |= {} if deadline is None else {"ack_deadline": deadline}
    live_hub.shares.append([OWNED, sent(2, ("a", 1))])
    with busy.running(alive_every=alive_every):
        busy.begin()
        busy.advance(wanted * 0.9)
        assert live_hub.said == []
        busy.advance(wanted * 0.1)
        live_hub.until_said(cursor=["c0"])


def test_a_deadline_that_is_changed_is_followed(live_hub: FakeWebSocketHub, busy: Busy, log: Lines) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1))])
    with busy.running():
        busy.begin()
        live_hub.send({"type": "changed", "subscription": "workers", "version": 2, "ack_deadline": 3}, OTHER)
        log.until("owns partition 2")
        busy.advance(1)
        live_hub.until_said(cursor=["c0", "d0"])
        busy.advance(2)
        assert live_hub.until_said(action="nack")["reason"] == "the handler still runs after 3 s"


def test_the_socket_is_read_while_a_handler_runs(live_hub: FakeWebSocketHub, busy: Busy, log: Lines) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1))])
    with busy.running():
        busy.begin()
        # More than any buffer on the way holds; the last one shows that all before it were read.
        large = "x" * 60_000
        for number in range(3, 203):
            live_hub.send(sent(number, ("b", number)) | {"padding": large})
        live_hub.send(OTHER)
        log.until("owns partition 2")
        busy.advance(10)
        live_hub.until_said(cursor=["c0", "d0"])
        assert busy.given == [("a", 1)]
        busy.finish_all()
        live_hub.until_said(cursor="c202")
    assert busy.given == [("a", 1), *(("b", number) for number in range(3, 203))]


def test_a_handler_that_outlasts_the_deadline_lets_its_event_come_again_and_keeps_all_else(
    live_hub: FakeWebSocketHub, busy: Busy
) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("a", 2), ("b", 1)), sent(3, ("c", 1))])
    with busy.running():
        busy.begin()
        busy.advance(30)
        nack = live_hub.until_said(action="nack")
        for _ in range(20):
            busy.advance(30)
        busy.finish_all()
        live_hub.until_said(cursor="c3")
    assert (nack["stream"], nack["sequence"], nack["frame"]) == ("a", 1, 2)
    assert nack["reason"] == "the handler still runs after 30 s"
    assert [(one["stream"], one["sequence"]) for one in live_hub.said if one["action"] == "nack"] == [("a", 1)]
    assert busy.given == [("a", 1), ("b", 1), ("c", 1)]


def test_an_event_that_is_handled_late_is_acknowledged_and_not_handled_twice(
    live_hub: FakeWebSocketHub, busy: Busy
) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("a", 2))])
    with busy.running():
        busy.begin()
        busy.advance(30)
        live_hub.until_said(action="nack")
        live_hub.send(again(3, "a", 1), again(4, "a", 2, attempt=1))
        busy.finish_all()
        live_hub.until_said(action="ack", sequence=2)
    assert busy.given == [("a", 1), ("a", 2)]
    acked = [one["sequence"] for one in live_hub.said if one["action"] == "ack" and "stream" in one]
    assert acked == [1, 1, 2]


def test_a_handler_that_fails_late_says_why_and_of_which_frame(live_hub: FakeWebSocketHub, busy: Busy) -> None:
    busy.raising["a", 1] = Park("nonsense")
    live_hub.shares.append([OWNED, sent(2, ("a", 1))])
    with busy.running():
        busy.begin()
        busy.advance(30)
        live_hub.until_said(action="nack")
        live_hub.send(again(3, "a", 1))
        busy.finish_all()
        live_hub.until_said(reason="nonsense", frame=2, park=True)
        live_hub.until_said(action="ack", sequence=1, frame=3)
    assert busy.given == [("a", 1), ("a", 1)]


def test_a_hub_that_says_no_deadline_is_named_no_frames(live_hub: FakeWebSocketHub, busy: Busy) -> None:
    del live_hub.joined["ack_deadline"]
    busy.raising["a", 1] = ValueError("late")
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1))])
    with busy.running():
        busy.begin()
        busy.advance(30)
        live_hub.until_said(action="nack")
        busy.finish_all()
        live_hub.until_said(cursor="c2")
    assert [one.get("reason") for one in said(live_hub) if one["action"] == "nack"] == [
        "the handler still runs after 30 s"
    ]
    assert not any("frame" in one for one in live_hub.said)


def test_what_is_handled_of_a_frame_is_acknowledged_at_once_when_it_is_slow(
    live_hub: FakeWebSocketHub, busy: Busy
) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1), ("a", 2), ("c", 1))])
    with busy.running():
        busy.begin()
        busy.finish()
        busy.begin()
        busy.now += 1.5
        busy.finish()
        busy.begin()
        busy.finish_all()
        live_hub.until_said(cursor="c2")
    assert said(live_hub) == [
        {"action": "ack", "stream": "a", "sequence": 1, "frame": 2},
        {"action": "ack", "stream": "b", "sequence": 1, "frame": 2},
        {"action": "ack", "cursor": "c2"},
    ]


def test_what_was_handled_before_an_event_that_takes_long_is_acknowledged_meanwhile(
    live_hub: FakeWebSocketHub, busy: Busy
) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1))])
    with busy.running():
        busy.begin()
        busy.finish()
        busy.begin()
        busy.advance(10)
        live_hub.until_said(stream="a", sequence=1)
        live_hub.until_said(cursor=["c0"])


def test_a_partition_that_is_owned_anew_forgets_what_came_before(
    live_hub: FakeWebSocketHub, busy: Busy, log: Lines
) -> None:
    busy.raising["a", 1] = ValueError("no")
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1), ("c", 1)), sent(3, ("d", 1))])
    with busy.running():
        busy.begin()
        busy.finish()
        live_hub.until_said(action="nack")
        busy.begin()
        replayed = [OWNED | {"frame": 4, "cursor": "e0"}, sent(5, ("a", 1), ("b", 1)), OTHER]
        live_hub.send(*replayed)
        log.until("owns partition 2")
        busy.finish_all()
        live_hub.until_said(cursor="c5")
    assert busy.given == [("a", 1), ("b", 1), ("a", 1), ("b", 1)]
    assert said(live_hub)[1:] == [{"action": "ack", "cursor": "c5"}]


def test_a_failure_of_before_is_not_said_of_a_partition_that_is_owned_anew(
    live_hub: FakeWebSocketHub, busy: Busy, log: Lines
) -> None:
    busy.raising["a", 1] = ValueError("no")
    live_hub.shares.append([OWNED, sent(2, ("a", 1))])
    with busy.running():
        busy.begin()
        live_hub.send(OWNED | {"frame": 3, "cursor": "e0"}, sent(4, ("a", 1)), OTHER)
        log.until("owns partition 2")
        busy.finish_all()
        live_hub.until_said(cursor="c4")
    assert "nack" not in {one["action"] for one in live_hub.said}


def test_a_partition_that_is_revoked_is_released_though_the_handler_of_another_blocks(
    live_hub: FakeWebSocketHub, busy: Busy, log: Lines
) -> None:
    live_hub.shares.append([OWNED, OTHER, sent(2, ("a", 1)), sent(2, ("x", 1), partition=2)])
    with busy.running():
        busy.begin()
        live_hub.send({"type": "revoked", "partition": 2, "frame": 3})
        log.until("to release partition 2")
        busy.advance(10)
        live_hub.until_said(action="release", partition=2)
        busy.finish_all()
        live_hub.until_said(cursor="c2")
    assert busy.given == [("a", 1)]


def test_a_partition_that_is_revoked_is_released_when_its_own_handler_outlasts_the_deadline(
    live_hub: FakeWebSocketHub, busy: Busy, log: Lines
) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1))])
    with busy.running():
        busy.begin()
        live_hub.send({"type": "revoked", "partition": 1, "frame": 3})
        log.until("to release partition 1")
        busy.advance(20)
        live_hub.until_said(cursor=["c0"])
        busy.advance(10)
        live_hub.until_said(action="release")
    assert [one["action"] for one in live_hub.said if "cursor" not in one] == ["nack", "release"]


def test_a_partition_that_is_revoked_is_released_when_the_event_in_hand_is_handled(
    live_hub: FakeWebSocketHub, busy: Busy, log: Lines
) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1))])
    with busy.running():
        busy.begin()
        live_hub.send({"type": "revoked", "partition": 1, "frame": 3})
        log.until("to release partition 1")
        busy.advance(20)
        live_hub.until_said(cursor=["c0"])
        busy.finish()
        live_hub.until_said(action="release")
    assert said(live_hub)[1:] == [
        {"action": "ack", "stream": "a", "sequence": 1, "frame": 2},
        {"action": "release", "partition": 1, "frame": 3},
    ]


def test_what_the_hub_cannot_take_for_now_is_said_again(live_hub: FakeWebSocketHub, busy: Busy) -> None:
    live_hub.refusals.append({"type": "error", "code": "store-unavailable", "detail": "not now"})
    live_hub.shares.append([OWNED, sent(2, ("a", 1))])
    with busy.running():
        busy.finish_all()
        first = live_hub.until_said(cursor="c2")
        while len(live_hub.said) < 2:
            busy.advance(1)
    assert live_hub.said == [first, first]
    assert live_hub.connected == 1


def test_a_hub_that_sends_without_end_is_left(
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
        live_hub.until_said(cursor="c2")
    assert busy.given == [("a", 1), ("b", 1)]
    assert "the hub sent more than 3 events of partition 1" in caplog.text


def test_a_loss_is_acknowledged_once_somebody_has_taken_it(live_hub: FakeWebSocketHub, busy: Busy) -> None:
    missing = [{"stream": "a", "first": 1, "last": 2}]
    truncated = {"type": "truncated", "partition": 1, "frame": 2, "cursor": "c2", "missing": missing, "gone": ["z"]}
    live_hub.shares.append([OWNED, truncated])
    losses: list[tuple[str, int]] = []
    with busy.running(on_loss=lambda loss: losses.append((str(loss), len(live_hub.said)))):
        live_hub.until_said(action="ack", cursor="c2")
    line = "events were removed before they were received: a 1 to 2; streams were deleted permanently: z"
    assert losses == [(line, 0)]


def test_a_loss_that_nobody_takes_is_not_acknowledged(live_hub: FakeWebSocketHub, live_store: EventStore) -> None:
    missing = [{"stream": "a", "first": 1, "last": 2}]
    truncated = {"type": "truncated", "partition": 1, "frame": 2, "cursor": "c2", "missing": missing}
    live_hub.shares.append([OWNED, truncated])
    with pytest.raises(HistoryLost):
        live_store.work("workers").run(lambda _: None)
    assert live_hub.said == []


def test_a_stall_can_be_understood_from_the_log(
    live_hub: FakeWebSocketHub, busy: Busy, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "eventstore_client")
    live_hub.shares.append([OWNED, sent(2, ("a", 1)), sent(3, ("b", 1))])
    with busy.running():
        busy.begin()
        busy.advance(30)
        live_hub.until_said(action="nack")
        live_hub.send(again(4, "a", 1) | {"reason": "the handler still runs"})
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


def test_the_log_has_the_traceback_of_a_handler_and_the_reason_its_file_and_line(
    live_hub: FakeWebSocketHub, live_store: EventStore, caplog: pytest.LogCaptureFixture
) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1))])
    with live_store.work("workers") as worker:

        def handle(_: Recorded) -> None:
            worker.close()
            raise ValueError("card declined")

        worker.run(handle)
    [nack] = [one for one in live_hub.said if one["action"] == "nack"]
    assert nack["reason"] == f"ValueError: card declined (test_busy_worker.py:{handle.__code__.co_firstlineno + 2})"
    [record] = [record for record in caplog.records if record.exc_info]
    assert record.levelno == logging.ERROR
    assert record.getMessage().endswith(f"the handler failed at a 1 (attempt 1): {nack['reason']}")
