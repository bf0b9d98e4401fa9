"""Two instances of the server on one store: one stops at any point of its turn, and goes on once it was replaced."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis

from eventstore.adapters.redis.connection import connect
from eventstore.adapters.redis.turns import RedisTurns
from eventstore.errors import PartitionLeased, TurnLost
from eventstore.filters import parse_filters
from eventstore.live.dispatch import Dispatcher
from eventstore.ports import InstanceId, Lease, Start
from eventstore.subscriptions import Durable
from tests.examples import events
from tests.functional.core.live import Live
from tests.functional.core.mortal import frames_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore_hosting.valkey import ValkeyServer

_LEASE_MS = 1000
_POINTS = 30
"""More than there are calls in the turn of these tests."""


class Pauses:
    """Stops a process right before one of its calls of ports.

    Args:
        at: The number of the call, from 1.
        meanwhile: What others do until the process goes on.
    """

    def __init__(self, at: int, meanwhile: Callable[[], None]) -> None:
        self._at = at
        self._meanwhile = meanwhile
        self.calls: list[str] = []

    def wrap(self, port: Any) -> Any:  # noqa: ANN401 - whatever it is, it looks the same afterwards
        return _Pausing(self, port)

    def call(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) == self._at:
            self._meanwhile()


class _Pausing:
    def __init__(self, pauses: Pauses, port: Any) -> None:  # noqa: ANN401 - as above
        self._pauses = pauses
        self._port = port

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as above
        method = getattr(self._port, name)

        def call(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - as above
            self._pauses.call(name)
            return method(*args, **options)

        return call


def as_it_is(port: Any) -> Any:  # noqa: ANN401 - whatever it is
    return port


def dispatcher(hub: Live, instance: str, wrap: Callable[[Any], Any] = as_it_is) -> Dispatcher:
    """The dispatcher of an instance, which has a lease."""
    turns = RedisTurns(hub.client, partitions=1, clock=hub.clock, lease=Lease(InstanceId(instance), _LEASE_MS))
    return Dispatcher(
        wrap(hub.log),
        wrap(turns),
        wrap(hub.deliveries),
        durables=wrap(hub.durables),
        registry=wrap(hub.registry),
        dispatch_queue=wrap(hub.dispatch_queue),
        letters=wrap(hub.letters),
        pushes=lambda: wrap(hub.pushes),
        clock=hub.clock,
    )


def paused(valkey: ValkeyServer, at: int) -> list[str]:
    """Pause an instance at a call of its turn, while its lease expires and another one does the work.

    Returns:
        The calls of the turn.
    """
    with Redis.from_url(valkey.url) as plain:
        plain.flushall()
    with closing(connect(valkey.url)) as client:
        hub = Live(client)
        hub.durables.create(Durable("0" * 24, "workers", parse_filters([])), {0: Start.OLDEST})
        hub.connect("member")
        hub.members.join("member", "w", "workers")
        hub.subscribe("live")
        hub.settle()
        hub.subscribe("late", oldest=True)
        hub.store.publish(events(2), stream="wf")
        second = dispatcher(hub, "second")

        def replace_first() -> None:
            hub.clock.pass_seconds(_LEASE_MS / 1000)
            hub.store.publish(events(2, start=3), stream="wf")
            second.serve(0, until=hub.clock.now() + 1000)

        pauses = Pauses(at, replace_first)
        first = dispatcher(hub, "first", pauses.wrap)
        if at > _POINTS:
            first.take_turn(0)
        else:
            with pytest.raises(TurnLost):
                first.take_turn(0)
            with pytest.raises(PartitionLeased, match="instance second"):
                dispatcher(hub, "first").take_turn(0)
            hub.store.publish(events(1, start=5), stream="wf")
            second.serve(0, until=hub.clock.now() + 1000)
            received = hub.received()
            assert sorted(received) == ["late", "live", "member"]
            for messages in received.values():
                frames = [frame for frame in frames_of(messages) if frame["type"] == "events"]
                assert [event["id"] for frame in frames for event in frame["events"]] == ["1", "2", "3", "4", "5"]
    return pauses.calls


def test_an_instance_that_goes_on_after_it_was_replaced_neither_loses_nor_disorders_anything(
    valkey: ValkeyServer,
) -> None:
    calls = paused(valkey, _POINTS + 1)
    assert {"begin", "candidates", "send", "commit"} <= set(calls)
    for at in range(1, len(calls) + 1):
        paused(valkey, at)
