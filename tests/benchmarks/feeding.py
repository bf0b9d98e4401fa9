"""Live events of an instance of the server with few and with many ephemeral subscriptions."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from eventstore.adapters.redis.connection import connect
from eventstore.adapters.redis.follower import RedisFollower
from eventstore.adapters.redis.log import RedisLog
from eventstore.adapters.redis.read_ahead import ReadAhead
from eventstore.frames.limits import FrameLimits
from eventstore.live.catch_up import TurnLimits
from eventstore.ports import Start
from eventstore_hosting.valkey import ValkeyServer
from eventstore_server.live_feed import LiveFeed
from eventstore_server.sessions import Sessions
from eventstore_server.telemetry import Telemetry
from tests.benchmarks import dispatching
from tests.benchmarks.examples import Events
from tests.benchmarks.measure import Aim, Figure, Unit, in_turn
from tests.benchmarks.placement import apart_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Executor

    from eventstore.adapters.redis.connection import Client
    from eventstore.frames.frame import Part

__all__ = ["figures"]

_MANY, _MATCHING = 10_000, 10
_BLOCK = 200
_ROUNDS = 40
_AIM = Aim("≥", 0.9)


def figures() -> Iterator[Figure]:
    """How fast a feed reads, matches and builds frames, and how much slower it is for what does not match."""
    events = Events()
    with ExitStack() as stack:
        server = stack.enter_context(apart_from(ValkeyServer.start))
        threads = stack.enter_context(ThreadPoolExecutor(1))
        feeds = []
        for database, number in enumerate((_MANY, _MATCHING)):
            url = f"{server.url}/{database}"
            client = connect(url)
            stack.callback(client.close)
            feed = _Feed(client, url, threads=threads, subscribers=number)
            stack.callback(feed.close)
            feeds.append(feed)
        many, few = feeds
        rounds = in_turn(partial(_blocks, events, many, few), rounds=_ROUNDS)
        what = f"{_MATCHING} candidates among {_MANY:,} subscriptions"
        yield Figure(f"{what}, against {_MATCHING} among {_MATCHING}", rounds.speed, Unit.RATIO, _AIM)
        yield Figure(what, _BLOCK / median(rounds.ours), Unit.RATE)
        yield Figure(
            f"{_MATCHING} candidates among {_MATCHING} subscriptions", _BLOCK / median(rounds.theirs), Unit.RATE
        )


class _Feed:
    """The live feed of an instance on a store with one partition; frames are built and not sent."""

    def __init__(self, client: Client, url: str, *, threads: Executor, subscribers: int) -> None:
        ahead = ReadAhead()
        self.log = RedisLog(client, partitions=1, read_ahead=ahead)
        self._follower = RedisFollower(client, url, read_ahead=ahead)
        self._sessions = _Counted()
        limits = TurnLimits(frames=replace(FrameLimits(), shards=1, addresses=100_000, posts=1_000_000))
        observer = Telemetry.of().turns
        self._feed = LiveFeed(
            self.log, self._follower, self._sessions, threads=threads, limits=limits, observer=observer
        )
        for subscription in dispatching._subscriptions(subscribers):
            self._feed.start(subscription, {0: Start.NOW})
        self._feed.serve(0)
        if self._feed.turns.partitions[0].behind:
            raise AssertionError("some subscriptions have not caught up")

    def deliver(self) -> None:
        """Read what the log has got, and deliver it, as the thread that follows the logs does."""
        self._sessions.addresses = 0
        news = self._follower.wait_for_entries(self._feed.turns.ends(), seconds=1.0)
        self._feed.turns.add_entries(0, news[0])
        self._feed.serve(0)
        if not self._sessions.addresses or self._sessions.addresses % _MATCHING:
            raise AssertionError(f"{self._sessions.addresses} frames; {_MATCHING} subscriptions match")

    def close(self) -> None:
        self._feed.stop()


class _Counted(Sessions):
    """Sessions of nobody: they count the frames that they are posted."""

    def __init__(self) -> None:
        loop = asyncio.new_event_loop()
        super().__init__("server-1", loop)
        loop.close()
        self.addresses = 0

    def post(self, parts: Iterable[Part]) -> None:
        self.addresses += sum(len(part.to) for part in parts)

    def post_in_step(self, partition: int, parts: Iterable[Part]) -> None:  # noqa: ARG002 - it waits for nothing
        self.post(parts)


def _blocks(events: Events, first: _Feed, second: _Feed, _: int) -> tuple[Callable[[], None], Callable[[], None]]:
    for feed in (first, second):
        for stream, event in events.streams(_BLOCK):
            feed.log.append(stream, [event])
    return first.deliver, second.deliver
