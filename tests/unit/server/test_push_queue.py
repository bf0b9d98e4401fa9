"""The pushes that an instance of the server makes: in order, until the result of each is stored."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from eventstore.errors import StoreUnavailable
from eventstore.frames.pushes import Push, PushedEvent, PushResult
from eventstore.streams import DurableName, StreamName
from eventstore.subscriptions import SubscriptionKey, Target
from eventstore_server.push_queue import PushQueue

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = SubscriptionKey("key")


def push(frame: int, *, partition: int = 1) -> Push:
    return Push(
        subscription=DurableName("rule"),
        key=KEY,
        partition=partition,
        frame=frame,
        cursor="",
        target=Target("http", "https://hooks.example/"),
        timeout_ms=1000,
        events=[PushedEvent(StreamName("wf"), frame, "{}")],
    )


class Instance:
    """A queue whose threads and timers run when the test says so, and the pushes that it made."""

    def __init__(self) -> None:
        self.made: list[tuple[int, int]] = []
        self.errors: deque[Exception | None] = deque()
        self.meanwhile: Callable[[], object] = lambda: None
        self.pauses: list[float] = []
        self._timers: list[tuple[Callable[..., object], tuple[Any, ...]]] = []
        self._tasks: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        this: Any = self
        self.queue = PushQueue(lambda: this, threads=this, loop=this, now=lambda: 0)

    def push(self, text: str, *, until: int) -> PushResult:
        decoded = Push.decoded(text)
        assert until > decoded.timeout_ms
        self.meanwhile()
        error = self.errors.popleft() if self.errors else None
        if error is not None:
            raise error
        self.made.append((decoded.partition, decoded.frame))
        return PushResult(decoded.subscription, decoded.key, decoded.partition, decoded.frame, "", {})

    def submit(self, call: Callable[..., object], *arguments: Any) -> None:  # noqa: ANN401 - as an executor has it
        self._tasks.append((call, arguments))

    def call_soon_threadsafe(self, call: Callable[..., object], *arguments: Any) -> None:  # noqa: ANN401 - as a loop has it
        call(*arguments)

    def call_later(self, pause: float, call: Callable[..., object], *arguments: Any) -> None:  # noqa: ANN401 - as a loop has it
        self.pauses.append(pause)
        self._timers.append((call, arguments))

    def run(self) -> None:
        while self._tasks:
            call, arguments = self._tasks.popleft()
            call(*arguments)

    def fire(self) -> None:
        timers, self._timers = self._timers, []
        for call, arguments in timers:
            call(*arguments)
        self.run()


def test_the_pushes_of_a_subscription_in_a_partition_are_made_in_order() -> None:
    instance = Instance()
    instance.queue.send([push(1), push(2), push(1, partition=2)])
    instance.queue.send([push(3)])
    instance.run()
    assert [frame for partition, frame in instance.made if partition == 1] == [1, 2, 3]
    assert not instance.queue.has(KEY, 1)


def test_a_push_that_is_sent_twice_is_made_once() -> None:
    instance = Instance()
    instance.queue.send([push(1)])
    instance.run()
    instance.queue.send([push(1)])
    instance.run()
    assert instance.made == [(1, 1)]


def test_a_push_whose_result_cannot_be_stored_is_made_again_before_later_ones() -> None:
    instance = Instance()
    instance.errors += [StoreUnavailable("away"), RuntimeError("unexpected")]
    instance.queue.send([push(1), push(2)])
    instance.run()
    assert instance.made == []
    instance.fire()
    assert instance.made == []
    assert instance.queue.has(KEY, 1)
    instance.fire()
    assert instance.made == [(1, 1), (1, 2)]
    assert not instance.queue.has(KEY, 1)
    assert instance.pauses == sorted(set(instance.pauses)), "the pauses grow"


def test_a_push_is_there_until_its_result_is_stored() -> None:
    instance = Instance()
    seen: list[bool] = []
    instance.meanwhile = lambda: seen.append(instance.queue.has(KEY, 1))
    instance.queue.send([push(1)])
    instance.run()
    assert seen == [True]


def test_pushes_that_others_make_are_removed_but_not_the_one_that_is_under_way() -> None:
    instance = Instance()
    instance.meanwhile = lambda: instance.queue.clear([1])
    instance.queue.send([push(1), push(2), push(1, partition=2), push(2, partition=2)])
    instance.run()
    assert instance.made == [(1, 1), (2, 1), (2, 2)]


def test_a_push_that_waits_to_be_made_again_is_removed() -> None:
    instance = Instance()
    instance.errors.append(StoreUnavailable("away"))
    instance.queue.send([push(1)])
    instance.run()
    instance.queue.clear([1])
    assert not instance.queue.has(KEY, 1)
    instance.fire()
    assert instance.made == []
