"""The hub as a service from publishing to what is delivered, in one thread, its store a real one."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from eventstore.adapters.redis.follower import RedisFollower
from eventstore.adapters.redis.log import RedisLog
from eventstore.adapters.redis.read_ahead import ReadAhead
from eventstore.adapters.redis.registry import RedisRegistry
from eventstore.frames.frame import Delivery
from eventstore.live.subscribe import Subscriptions
from eventstore_server.live_feed import LiveFeed
from eventstore_server.sessions import Sessions
from eventstore_server.telemetry import Telemetry
from tests.functional.core.live import Live
from tests.trusted import Trusted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.cloudevents.event import Event
    from eventstore.frames.frame import Part
    from eventstore.live.catch_up import TurnLimits
    from eventstore.ports import Appended
    from eventstore.ports.follower import Growth
    from eventstore.streams import StreamName
    from eventstore.subscriptions import ConnectionId
    from eventstore_hosting.valkey import ValkeyServer

__all__ = ["FedLive", "Inline"]


class Inline(Executor):
    """Runs what is submitted at once."""

    def submit(self, call: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:  # noqa: ANN401 - as `Executor.submit` has it
        future: Future[Any] = Future()
        future.set_result(call(*args, **options))
        return future


class RecordedSessions(Sessions):
    """Sessions that pass on to a fake what they are posted, in the thread that posts it."""

    def __init__(self, live: Live) -> None:
        super().__init__("server-1", asyncio.new_event_loop())
        self._loop.close()
        self._live = live
        self.congested: set[ConnectionId] = set()
        self.closed: dict[ConnectionId, str] = {}

    def is_congested(self, connection_id: ConnectionId) -> bool:
        return connection_id in self.congested

    def post(self, parts: Iterable[Part]) -> None:
        self._live.deliveries.send([Delivery(0, tuple(parts))])

    def post_in_step(self, partition: int, parts: Iterable[Part]) -> None:  # noqa: ARG002 - it waits for nothing
        self.post(parts)

    def close_soon(self, connection_ids: Iterable[ConnectionId], *, code: str, detail: str) -> None:  # noqa: ARG002 - no client reads it
        self.closed |= dict.fromkeys(connection_ids, code)


class FillingLog:
    """A log whose appends fill in the growth of `FedLive.storing`."""

    def __init__(self, log: RedisLog, live: FedLive) -> None:
        self._log = log
        self._live = live

    def append(self, stream: StreamName, events: Sequence[Event], **options: Any) -> Appended:  # noqa: ANN401 - those of `Log.append`
        growth: Any = self._live.growth
        return self._log.append(stream, events, growth=growth, **options)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever it is
        return getattr(self._log, name)


class FedLive(Live):
    """As `Live`, but ephemeral subscriptions are fed by this process; a turn of it first follows the logs."""

    def __init__(self, client: Client, valkey: ValkeyServer, *, partitions: int, limits: TurnLimits) -> None:
        self.growth: Growth | None = None
        super().__init__(client, partitions=partitions, limits=limits, wrap=self._filling_in)
        ahead = ReadAhead()
        self.feed_log = RedisLog(client, partitions=partitions, clock=self.clock, read_ahead=ahead)
        self.follower = RedisFollower(client, valkey.url, read_ahead=ahead)
        self.sessions = RecordedSessions(self)
        self.feed = LiveFeed(
            self.feed_log, self.follower, self.sessions, threads=Inline(), limits=limits, observer=Telemetry.of().turns
        )
        self.registry = RedisRegistry(client, partitions=partitions, clock=self.turns, ephemeral=self.feed)
        self.subscriptions = Trusted(Subscriptions(self.log, self.registry, _NoWakeups()))
        self.turns: Any = self.feed.turns
        self.dispatcher: Any = _FeedTurns(self)

    @contextmanager
    def storing(self, partition: int) -> Iterator[Growth | None]:
        """Store in the block as the server does: the appends fill in how the log grew, and the end delivers."""
        with self.feed.storing(partition) as growth:
            self.growth = growth
            try:
                yield growth
            finally:
                self.growth = None

    def _filling_in(self, port: Any) -> Any:  # noqa: ANN401 - any port
        return FillingLog(port, self) if port is getattr(self, "log", None) else port

    def follow(self) -> None:
        """Read what the logs have got, without waiting."""
        news = self.follower.wait_for_entries(self.feed.turns.ends(), seconds=0.001)
        for partition, entries in news.items():
            self.feed.turns.add_entries(partition, entries)


class _NoWakeups:
    def notify(self, partitions: Iterable[int]) -> None:
        """Request nothing: the test takes turns when it likes."""


class _FeedTurns:
    def __init__(self, live: FedLive) -> None:
        self._live = live

    def take_turn(self, partition: int) -> bool:
        self._live.follow()
        return self._live.feed.take_turn(partition)
