"""An instance that stops gives up all that it has, whatever its heartbeat does meanwhile."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.ports.instances import FIRST_MESSAGE, InstanceId, Received
from eventstore_server.cluster import Cluster
from eventstore_server.options import read_options
from eventstore_server.partition_workers import PartitionWorkers
from eventstore_server.service import Service
from eventstore_server.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ME = InstanceId("me")


class Later(Executor):
    """Keeps what is submitted."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], Any]] = []

    def submit(self, call: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:  # noqa: ANN401 - as `Executor.submit` has it
        self.calls.append(lambda: call(*args, **options))
        return Future()

    def run(self) -> None:
        while self.calls:
            self.calls.pop(0)()


class IdleHub:
    """A dispatcher, the turns and the follower of a hub in which nothing happens."""

    def __init__(self) -> None:
        self.released: list[int] = []

    def serve(self, partition: int, *, until: int) -> bool:  # noqa: ARG002 - there is nothing to do
        return False

    def release(self, partition: int) -> None:
        self.released.append(partition)


def test_a_heartbeat_does_not_take_back_a_partition_that_is_being_given_up() -> None:
    hub, threads = IdleHub(), Later()
    anything: Any = hub
    workers = PartitionWorkers(
        lambda: anything,
        lambda: anything,
        anything,
        threads=threads,
        loop=anything,
        now=lambda: 0,
        observer=Telemetry.of().turns,
    )
    workers.own({1, 2})
    threads.run()
    workers.stop()
    workers.own({1, 2})
    threads.run()
    assert sorted(hub.released) == [1, 2]
    assert workers.owned == frozenset()


def cluster_of(
    instances: SlowInstances, *, has_journal: bool = False, was_away: Callable[[], None] = lambda: None
) -> Cluster:
    """The only one of the instances of a store of one partition."""
    anything: Any = instances
    return Cluster(
        ME,
        anything,
        partitions=1,
        alive_seconds=3.0,
        has_journal=has_journal,
        owns=lambda _: None,
        lost=lambda: None,
        received=lambda _: None,
        died=lambda _: None,
        was_away=was_away,
    )


class SlowInstances:
    """Instances whose second heartbeat takes until it is let go on."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.began, self.goes_on, self.left = threading.Event(), threading.Event(), threading.Event()

    def heartbeat(self, instance: InstanceId) -> Sequence[InstanceId]:
        if self.steps:
            self.began.set()
            self.goes_on.wait(10)
        self.steps.append("heartbeat")
        return [instance]

    def leave(self, _: InstanceId) -> None:
        self.steps.append("leave")
        self.left.set()

    def dead(self) -> Sequence[InstanceId]:
        return []

    def receive(self, _: InstanceId, after: str, *, block_ms: int) -> Received:  # noqa: ARG002 - as the port has it
        self.goes_on.wait(10)
        return Received([], after, has_gap=False)


def test_an_instance_leaves_after_its_last_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventstore_server.cluster._LEAVE_SECONDS", 60)
    instances = SlowInstances()
    cluster = cluster_of(instances)
    cluster.run()
    assert instances.began.wait(30)
    leaving = threading.Thread(target=cluster.stop)
    leaving.start()
    # Too early a `leave` would come at once.
    assert not instances.left.wait(0.1)
    instances.goes_on.set()
    leaving.join()
    assert instances.steps[-1] == "leave"


def test_an_instance_stays_away_until_its_clients_were_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks while a heartbeat is late drops what it has for clients: they must not go on."""
    now = 0.0
    monkeypatch.setattr("eventstore_server.cluster.time.monotonic", lambda: now)
    monkeypatch.setattr("eventstore_server.cluster._HEARTBEAT_SECONDS", 0)
    instances, seen, sent_away = SlowInstances(), list[bool](), threading.Event()

    def was_away() -> None:
        seen.append(cluster.is_away())
        sent_away.set()

    cluster = cluster_of(instances, was_away=was_away)
    cluster.run()
    assert instances.began.wait(10)
    assert not cluster.is_away()
    now = 3.5
    assert cluster.is_away()
    # As if whoever asked had looked before the heartbeat came, and the heartbeat had come in time.
    now = 2.9
    instances.goes_on.set()
    assert sent_away.wait(10)
    cluster.stop()
    assert seen == [True]
    assert not cluster.is_away()


class LostInbox(SlowInstances):
    """Instances of which no other one is alive, on a store that has lost the inbox."""

    def __init__(self) -> None:
        super().__init__()
        self.found, self._has_lost = threading.Event(), False

    def receive(self, _: InstanceId, after: str, *, block_ms: int) -> Received:  # noqa: ARG002 - as the port has it
        if after == "5-1":
            self._has_lost = True
            return Received([], FIRST_MESSAGE, has_gap=True)
        if self._has_lost:
            # What was lost was taken in by now.
            self.found.set()
        self.goes_on.wait(10)
        return Received([], "5-1", has_gap=False)


@pytest.mark.parametrize("has_journal", [True, False])
def test_clients_of_an_instance_that_is_alone_are_sent_away_if_its_inbox_was_lost_beside_a_journal(
    *, has_journal: bool
) -> None:
    instances, sent_away = LostInbox(), threading.Event()
    instances.goes_on.set()
    cluster = cluster_of(instances, has_journal=has_journal, was_away=sent_away.set)
    cluster.run()
    assert instances.found.wait(10)
    cluster.stop()
    assert sent_away.is_set() == has_journal


def test_the_threads_of_calls_end_after_the_instance_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that was cut off may still wait for the store: its connection is removed once its thread comes back."""
    seen: list[str] = []

    class SomeDoors:
        async def close(self, *, seconds: float) -> None:
            assert seconds > 0
            seen.append("closed")

        def end(self) -> None:
            seen.append("ended")

    async def leave() -> None:
        seen.append("left")

    service: Any = Service(read_options([], {"REDIS_URL": "redis://127.0.0.1:1"}))
    service._doors = SomeDoors()
    monkeypatch.setattr(service, "_leave", leave)
    asyncio.run(service.stop())
    assert seen == ["closed", "left", "ended"]
