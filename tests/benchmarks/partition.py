"""A partition with subscriptions, and the worker that serves it; deliveries are encoded and not sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.adapters.clock import SystemClock
from eventstore.adapters.redis.durables import RedisDurables
from eventstore.adapters.redis.registry import RedisRegistry
from eventstore.live.catch_up import TurnLimits
from eventstore.live.dispatch import Dispatcher
from eventstore.ports import Start
from eventstore.subscriptions import EVENTSTORE, Connection
from tests.benchmarks.ports import log_and_turns
from tests.benchmarks.registering import register
from tests.fakes.letters import FakeLetters
from tests.fakes.queues import FakeDispatchQueue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.frames.frame import Delivery
    from eventstore.subscriptions import Subscription

__all__ = ["Partition"]

_FOR_EVER = 1 << 62
_CATCHING_UP = TurnLimits(behind=5_000)


class Partition:
    """The only partition of a store.

    Attributes:
        log: The store's.
    """

    def __init__(self, client: Client, subscriptions: Sequence[Subscription] = ()) -> None:
        self.log, self._turns = log_and_turns(client)
        self._client = client
        self._registry = RedisRegistry(client, partitions=1)
        self._deliveries = _Encoded()
        self._worker = self._dispatcher(TurnLimits())
        register(client, subscriptions)
        self._dispatcher(_CATCHING_UP).serve(0, until=_FOR_EVER)

    def join(self, subscription: Subscription) -> None:
        """Add a subscription, from the oldest event."""
        connection = Connection(subscription.connection, EVENTSTORE, 1)
        self._registry.connect(connection)
        self._registry.subscribe(subscription, {0: Start.OLDEST})

    def leave(self, subscription: Subscription) -> None:
        """Remove a subscription."""
        self._registry.disconnect(subscription.connection)

    def serve(self) -> int:
        """Take turns until no work is left; return the bytes of the deliveries."""
        self._deliveries.size = 0
        self._worker.serve(0, until=_FOR_EVER)
        return self._deliveries.size

    def _dispatcher(self, limits: TurnLimits) -> Dispatcher:
        # No subscription is durable, so there are no wake-ups and no letters.
        dispatch_queue, letters = FakeDispatchQueue(), FakeLetters()
        return Dispatcher(
            self.log,
            self._turns,
            self._deliveries,
            durables=RedisDurables(self._client, partitions=1),
            registry=self._registry,
            dispatch_queue=dispatch_queue,
            letters=letters,
            clock=SystemClock(),
            limits=limits,
        )


class _Encoded:
    """`Deliveries` that encodes deliveries without sending them."""

    def __init__(self) -> None:
        self.size = 0

    def send(self, deliveries: Sequence[Delivery]) -> None:
        self.size += sum(len(delivery.encoded()) for delivery in deliveries)
