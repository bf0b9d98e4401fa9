"""When an instance takes turns of its partitions."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.ports import Turn
from eventstore.positions import BEGINNING, Epoch
from eventstore_server.partition_workers import PartitionWorkers
from eventstore_server.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Callable


class Inline(Executor):
    """Runs what is submitted at once."""

    def submit(self, call: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:  # noqa: ANN401 - as `Executor.submit` has it
        future: Future[Any] = Future()
        future.set_result(call(*args, **options))
        return future


class Hub:
    """The dispatcher, the turns and the event loop of workers, and what they were asked for."""

    def __init__(self) -> None:
        self.served: list[int] = []
        self.given_up: list[int] = []
        self.later: list[int] = []
        self.released: list[int] = []
        self.taken_over = 0
        self.during_turn: list[Callable[[], None]] = []
        self.depths: list[int] = []
        self._depth = 0
        itself: Any = self
        self.workers = PartitionWorkers(
            lambda: itself,
            lambda: itself,
            itself,
            threads=Inline(),
            loop=itself,
            now=lambda: 0,
            taken_over=self._take_over,
            released=self.released.append,
            observer=Telemetry.of().turns,
        )

    def serve(self, partition: int, *, until: int) -> bool:  # noqa: ARG002 - it has nothing to do
        self.served.append(partition)
        self._depth += 1
        self.depths.append(self._depth)
        if self.during_turn:
            self.during_turn.pop()()
        self._depth -= 1
        return False

    def _take_over(self) -> None:
        self.taken_over += 1

    def release(self, partition: int) -> None:
        self.given_up.append(partition)

    def call_soon_threadsafe(self, _: object, partition: int, __: float) -> None:
        self.later.append(partition)


def turn(**members: Any) -> Turn:  # noqa: ANN401 - those of the turn
    values: dict[str, Any] = {"partition": 3, "fencing_token": 1, "epoch": Epoch("e"), "frame_offset": 0, "removals": 0}
    return Turn(**values | {"checkpoint": BEGINNING, "goal": BEGINNING, "behind": [], "live": False} | members)


@pytest.mark.parametrize("members", [{"live": True}, {"behind": [object()]}, {"groups": {"key": object()}}])
def test_a_turn_is_taken_at_once_where_the_store_has_subscriptions(members: dict[str, Any]) -> None:
    hub = Hub()
    hub.workers.own({3})
    hub.workers.observe(turn(**members))
    hub.served.clear()
    hub.workers.log_moved(3)
    assert (hub.served, hub.later) == ([3], [])


def test_a_turn_is_taken_later_where_the_store_has_none() -> None:
    hub = Hub()
    hub.workers.own({3})
    hub.workers.observe(turn())
    hub.served.clear()
    hub.workers.log_moved(3)
    assert (hub.served, hub.later) == ([], [3])


def test_a_partition_that_is_given_up_is_released_and_reported() -> None:
    hub = Hub()
    hub.workers.own({3, 4})
    hub.workers.own({4})
    assert (hub.given_up, hub.released) == ([3], [3])


def test_a_partition_that_is_regained_during_its_turn_has_one_worker() -> None:
    hub = Hub()

    def lose_and_regain() -> None:
        hub.workers.own(())
        hub.workers.own({3})

    hub.during_turn.append(lose_and_regain)
    hub.workers.own({3})
    # The turn that was requested meanwhile is taken by the same thread, after the first one.
    assert (hub.served, hub.depths, hub.given_up) == ([3, 3], [1, 1], [])


def test_a_partition_is_taken_over_at_its_first_turn_and_after_turns_of_others() -> None:
    hub = Hub()
    hub.workers.own({3})
    taken_over = []
    # Another process had the turns 8 and 9.
    for token in (5, 6, 7, 10, 11):
        hub.workers.observe(turn(fencing_token=token))
        taken_over.append(hub.taken_over)
    assert taken_over == [1, 1, 1, 2, 2]
    hub.workers.own(set())
    hub.workers.own({3})
    hub.workers.observe(turn(fencing_token=12))
    assert hub.taken_over == 3
