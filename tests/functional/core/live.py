"""The hub from publishing to what is posted, its queues in memory, its store a real one."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

from eventstore.adapters.redis.durables import RedisDurables
from eventstore.adapters.redis.event_schemas import RedisEventSchemas
from eventstore.adapters.redis.log import RedisLog
from eventstore.adapters.redis.named_filters import RedisNamedFilters
from eventstore.adapters.redis.read_ahead import ReadAhead
from eventstore.adapters.redis.registry import RedisRegistry
from eventstore.adapters.redis.turns import RedisTurns
from eventstore.durable.admin import DurableSubscriptions
from eventstore.durable.definitions import Definitions
from eventstore.durable.filter_admin import FilterAdmin
from eventstore.durable.membership import Members
from eventstore.filters import parse_filters
from eventstore.live.dispatch import Dispatcher
from eventstore.live.subscribe import Subscribed, Subscriptions
from eventstore.live.wakeups import QueueWakeups
from eventstore.read.filter_directory import FilterDirectory
from eventstore.read.schema_directory import SchemaDirectory
from eventstore.subscriptions import BARE, EVENTSTORE, Connection, Subscription
from eventstore.write.enforcement import Enforcement
from eventstore.write.publisher import Publisher
from eventstore.write.schema_admin import SchemaAdmin
from eventstore.write.stream_admin import StreamAdmin
from tests.examples import FakeClock
from tests.fakes.letters import FakeLetters
from tests.fakes.queues import FakeDeliveries, FakeDispatchQueue, FakePushes
from tests.trusted import Trusted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.live.catch_up import TurnLimits
    from eventstore.ports.history import History

__all__ = ["Live"]


class SkewedTurns(RedisTurns):
    """Turns by a clock that is ahead of another one by `skew` milliseconds, which may become fewer."""

    skew = 0

    def __init__(self, client: Client, *, partitions: int, clock: FakeClock, read_ahead: ReadAhead) -> None:
        super().__init__(client, partitions=partitions, clock=self, read_ahead=read_ahead)
        self._behind = clock

    def now(self) -> int:
        return self._behind.now() + self.skew

    def pause(self, seconds: float) -> None:
        self._behind.pause(seconds)


def _as_it_is(port: Any) -> Any:  # noqa: ANN401 - whatever it is, it stays so
    return port


class Live:
    """The hub, and its ports as they are; the hub itself uses what `wrap` makes of them."""

    def __init__(
        self,
        client: Client,
        *,
        partitions: int = 1,
        limits: TurnLimits | None = None,
        wrap: Callable[[Any], Any] = _as_it_is,
        history: History | None = None,
    ) -> None:
        self._wrap = wrap
        self.clock = FakeClock()
        self.client = client
        ahead = ReadAhead()
        self.log = RedisLog(client, partitions=partitions, clock=self.clock, read_ahead=ahead, history=history)
        self.turns = SkewedTurns(client, partitions=partitions, clock=self.clock, read_ahead=ahead)
        self.registry = RedisRegistry(client, partitions=partitions, clock=self.turns)
        self.dispatch_queue = FakeDispatchQueue()
        self.deliveries = FakeDeliveries()
        self.letters = FakeLetters()
        self.pushes = FakePushes()
        self.durables = RedisDurables(client, partitions=partitions)
        self.filters = RedisNamedFilters(client, partitions=partitions)
        self.event_schemas = RedisEventSchemas(client, partitions=partitions)
        wakeups = QueueWakeups(lambda: wrap(self.dispatch_queue))
        self.members = Trusted(Members(wrap(self.durables), wrap(self.registry), wakeups))
        self.store = Trusted(Publisher(wrap(self.log), wakeups), StreamAdmin(wrap(self.log), wakeups, clock=self.clock))
        self.subscriptions = Trusted(Subscriptions(wrap(self.log), wrap(self.registry), wakeups))
        self.definitions = Definitions(wrap(self.durables), wrap(self.filters), wakeups)
        self.operators = Trusted(
            DurableSubscriptions(
                wrap(self.log),
                wrap(self.durables),
                self.definitions,
                wakeups,
                letters=lambda: wrap(self.letters),
                filters=wrap(self.filters),
                require_target=lambda _: None,
            )
        )
        self.naming = Trusted(
            FilterAdmin(
                wrap(self.filters),
                wrap(self.durables),
                self.definitions,
                clock=self.clock,
                new_id=lambda: f"{next(self._keys):024x}",
            ),
            FilterDirectory(wrap(self.filters)),
        )
        enforcement = Enforcement(wrap(self.event_schemas), clock=self.clock)
        self.schemas = Trusted(
            SchemaAdmin(
                wrap(self.event_schemas),
                clock=self.clock,
                new_id=lambda: f"{next(self._keys):024x}",
                changed=enforcement.forget,
            ),
            SchemaDirectory(wrap(self.event_schemas)),
            Publisher(wrap(self.log), wakeups, enforcement=enforcement),
        )
        self.dispatcher = self.worker(limits)
        self._keys = itertools.count(1)

    def worker(self, limits: TurnLimits | None = None) -> Dispatcher:
        """A worker that knows nothing yet, as after a cold start."""
        return Dispatcher(
            self._wrap(self.log),
            self._wrap(self.turns),
            self._wrap(self.deliveries),
            durables=self._wrap(self.durables),
            registry=self._wrap(self.registry),
            dispatch_queue=self._wrap(self.dispatch_queue),
            letters=self._wrap(self.letters),
            pushes=lambda: self._wrap(self.pushes),
            clock=self.clock,
            limits=limits,
        )

    def connect(self, name: str, *, bare: bool = False) -> None:
        self._wrap(self.registry).connect(Connection(name, BARE if bare else EVENTSTORE, self.clock.now()))

    def subscribe(
        self,
        name: str,
        *,
        own_id: str = "s",
        filters: Sequence[object] = (),
        streams: Sequence[str] = (),
        cursors: Sequence[str] = (),
        oldest: bool = False,
        bare: bool = False,
    ) -> Subscribed:
        if self.registry.connection(name) is None:
            self.connect(name, bare=bare)
        subscription = Subscription(
            key=f"{next(self._keys):024x}",
            connection=name,
            id=own_id,
            filter=parse_filters(list(filters)),
            streams=tuple(streams),
            bare=bare,
        )
        subscribed: Subscribed = self.subscriptions.start(subscription, cursors=cursors, oldest=oldest)
        self.subscriptions.wake(subscribed)
        return subscribed

    def settle(self) -> None:
        """Serve every partition of which a turn was requested, until there is none."""
        while self.dispatch_queue.requested_turns:
            partitions, self.dispatch_queue.requested_turns = self.dispatch_queue.requested_turns, []
            for partition in dict.fromkeys(partitions):
                if self.dispatcher.serve(partition, until=self.clock.now() + 1000):
                    self.dispatch_queue.request_turns([partition])

    def received(self) -> dict[str, list[dict[str, Any]]]:
        """Per connection what it was posted since this was last asked."""
        found: dict[str, list[dict[str, Any]]] = {}
        for posting in self.deliveries.take_postings():
            found.setdefault(posting.connection, []).append(json.loads(posting.message))
        return found
