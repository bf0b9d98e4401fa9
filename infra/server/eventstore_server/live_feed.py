"""Live events for the ephemeral subscriptions of this process, read from the logs as they grow."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from eventstore.errors import EventstoreError
from eventstore.frames.builder import DeliveryBuilder
from eventstore.live.catch_up import CatchUp, EphemeralSender
from eventstore.live.index_terms import terms_of
from eventstore.ports import Behind, Start, Started, TurnResult
from eventstore.positions import BEGINNING
from eventstore_server.epochs import EpochChanged, WatchedLog
from eventstore_server.live_partition import LivePartition
from eventstore_server.live_turns import LiveTurns
from eventstore_server.sessions import STORE_RESET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    from eventstore.live.catch_up import TurnLimits
    from eventstore.ports import Log
    from eventstore.ports.follower import Follower, Growth, LogEntry
    from eventstore.ports.log_values import LogEnd
    from eventstore.positions import Epoch, Position
    from eventstore.streams import StreamName
    from eventstore.subscriptions import Subscription, SubscriptionKey
    from eventstore_server.sessions import Sessions
    from eventstore_server.turn_observer import TurnObserver

__all__ = ["LiveFeed"]

_LOGGER = logging.getLogger(__name__)

_WAIT_SECONDS = 1.0
_RETRY_SECONDS = 0.25
_PATIENCE_SECONDS = 0.02
"""For how many seconds a turn is left to a thread that stores events; most need a millisecond."""


_STORING_SECONDS, _ALONE_SECONDS = 0.001, 0.005
"""For how many seconds entries wait while threads of this process store events. By then, each has delivered its own;
the entries of other processes have waited. It is longer while no other process stores any."""


class LiveFeed:
    """Delivers events to the ephemeral subscriptions of this process; see `ports.EphemeralSubscriptions`.

    One thread follows all logs, and takes the turns of those that grew. Partitions in which subscriptions have yet to
    catch up are left to other threads, so that what is live does not wait for what is read.

    Args:
        log: The log.
        follower: Waits for entries.
        sessions: Receives the frames.
        threads: Take the turns that have to read much.
        limits: How much a turn does.
        moved: Called with each partition whose log grew, except by what a thread stored (`storing`) alone: who stores
            wakes the partition up if it needs that.
        observer: Measures the turns.
        sent: Called with the stream and the sequence of each event that was posted live.

    Attributes:
        turns: The dispatch state.
    """

    stores_definitions = False

    def __init__(
        self,
        log: Log,
        follower: Follower,
        sessions: Sessions,
        *,
        threads: Executor,
        limits: TurnLimits,
        moved: Callable[[int], None] = lambda _: None,
        observer: TurnObserver,
        sent: Callable[[Sequence[tuple[StreamName, int]]], None] = lambda _: None,
    ) -> None:
        self._log = log
        self._follower = follower
        self._sessions = sessions
        self._threads = threads
        self._limits = limits
        self._moved = moved
        self._observer = observer
        self._sent = sent
        ends = log.ends(range(log.partitions))
        partitions = [LivePartition(p, end.epoch, end.position, end.position) for p, end in sorted(ends.items())]
        self.turns = LiveTurns(partitions, is_congested=sessions.is_congested)
        self._watched = WatchedLog(log, lambda p: partitions[p].epoch)
        self._sender = EphemeralSender(cast("Log", self._watched), self.turns, limits)
        # Whether all entries that were read last had been stored, and delivered, by this process.
        self._is_alone = False
        self._resetting = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="live-feed", daemon=True)

    def run(self) -> None:
        """Follow the logs until `stop` is called."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the logs are followed."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Stop following. Frames that were posted are still delivered."""
        self._stopped.set()
        self._follower.close()

    # Subscriptions

    def start(self, subscription: Subscription, starts: Mapping[int, Position | Start]) -> Mapping[int, Started]:
        """See `EphemeralSubscriptions.start`. The caller requests the first turns once the client has its answer."""
        started: dict[int, Started] = {}
        left = dict(starts)
        while left:
            ends = self._log.ends(left)
            self._restart_where_reset(ends)
            states: list[tuple[int, Epoch, Behind]] = []
            for number, start in left.items():
                end = ends[number]
                position = BEGINNING if start is Start.OLDEST else end.position
                if not isinstance(start, Start):
                    # A cursor after the end is made up, or of events that a failover lost. A turn that went up to it
                    # would count as dispatched, to all subscribers, what is yet to be stored before it.
                    position = min(start, end.position)
                live_from = BEGINNING if start is Start.NOW else end.position
                states.append((number, end.epoch, Behind(subscription.key, position, end.removals, live_from)))
                started[number] = Started(end.epoch, position, end.removals)
            # Those that were reset since their ends were read. A reset after this ends the subscription.
            left = {number: starts[number] for number in self.turns.add(subscription, states)}
        return started

    def end(self, key: SubscriptionKey, partitions: Iterable[int], terms: Sequence[str]) -> None:
        """See `EphemeralSubscriptions.end`."""
        self.turns.remove(key, partitions, terms)

    def frames_of(self, key: SubscriptionKey) -> Mapping[int, int]:
        """See `EphemeralSubscriptions.frames_of`."""
        return self.turns.frames_of(key)

    def has(self, key: SubscriptionKey) -> bool:
        """Whether a subscription is one of this process."""
        return self.turns.has(key)

    def end_orphans(self) -> None:
        """End the subscriptions whose connections have ended.

        Each ends with its connection, unless the store has forgotten the connection before: another process removed
        it, for an operator or as expired.
        """
        for subscription in self.turns.subscriptions():
            if self._sessions.get(subscription.connection) is None:
                self.turns.remove(subscription.key, range(len(self.turns.partitions)), terms_of(subscription))

    # Turns

    def request_turns(self, partitions: Iterable[int]) -> None:
        """Have turns taken of partitions that have something to do."""
        for number in partitions:
            partition = self.turns.partitions[number]
            if partition.behind or partition.end > partition.checkpoint:
                self._submit(number)

    @contextmanager
    def storing(self, number: int) -> Iterator[Growth | None]:
        """Deliver what the calling thread stores in a partition during the block in that thread, at its end.

        The append may fill in how the log grew, so that little is left to read; None if nothing is to be delivered.

        The follower sees new entries as soon as the block does, but the threads of both would compete, and each step of
        a delivery would wait for the other. If the block takes long, the follower delivers all the same.
        """
        after = self.turns.begin_storing(number)
        growth = None if after is None else self._follower.growth(number, after)
        is_stored = False
        try:
            yield growth
            is_stored = True
        finally:
            # If the store is away, the publisher learns it without waiting for another try. What was stored although
            # the answer was lost comes by the follower.
            if self.turns.end_storing(number, delivers=is_stored):
                self._deliver_stored(number, growth)

    def _deliver_stored(self, number: int, growth: Growth | None) -> None:
        partition = self.turns.partitions[number]
        try:
            if growth is not None and growth.entries and growth.after == partition.checkpoint:
                self.turns.add_entries(number, growth.entries)
                if growth.tail is not None:
                    self._watched.know(number, growth.after, growth.entries[-1].end, growth.tail)
                else:
                    self._moved(number)
            elif partition.end == partition.checkpoint:
                self.turns.add_entries(number, self._follower.entries_after(number, partition.end))
                self._moved(number)
            self.take_turn(number)
        except Exception as error:  # noqa: BLE001 - the events are stored, and the next turn does the same
            _LOGGER.info("partition %d: a turn is left to another thread: %s", number, error)
        finally:
            self._watched.forget(number)
            with partition.lock:
                partition.serving = False
        self.request_turns([number])

    def _follow(self) -> None:
        left: set[int] = set()
        checked = time.monotonic()
        while not self._stopped.is_set():
            try:
                seconds = _PATIENCE_SECONDS if left else _WAIT_SECONDS
                news = self._follower.wait_for_entries(self.turns.ends(), seconds=seconds, deferral=self._deferral)
                if time.monotonic() - checked >= _WAIT_SECONDS:
                    checked = time.monotonic()
                    self.notice_resets()
            except EventstoreError as error:
                if not self._stopped.is_set():
                    _LOGGER.warning("the logs cannot be followed: %s: %s", error.code, error.detail)
                    self._stopped.wait(_RETRY_SECONDS)
                continue
            except Exception:
                if not self._stopped.is_set():
                    _LOGGER.exception("following the logs failed")
                    self._stopped.wait(_RETRY_SECONDS)
                continue
            self.request_turns(left)
            if news:
                self._is_alone = not self.turns.has_unknown(news)
            left = {number for number, entries in news.items() if self._leave_to_others(number, entries)}

    def _deferral(self) -> float:
        """Return for how many seconds threads that store events go first."""
        if not self.turns.is_storing():
            return 0
        return _ALONE_SECONDS if self._is_alone else _STORING_SECONDS

    def notice_resets(self) -> None:
        """Begin anew in partitions whose store was reset. A turn notices it too, but an idle partition has none.

        Raises:
            StoreUnavailable: The store does not answer.
        """
        if not self.turns.subscriptions():
            return
        self._restart_where_reset(self._log.ends(range(len(self.turns.partitions))))

    def _leave_to_others(self, number: int, entries: Sequence[LogEntry]) -> bool:
        """Take in new entries and the turn that they need, unless a thread that stores events is about to take it.

        Returns:
            Whether the turn is left to such a thread.
        """
        needs_turn = self.turns.add_entries(number, entries)
        self._moved(number)
        partition = self.turns.partitions[number]
        if not needs_turn:
            return False
        if partition.behind:
            self._submit(number)
        elif partition.storing:
            return True
        else:
            self.serve(number)
        return False

    def _submit(self, number: int) -> None:
        if not self._stopped.is_set():
            self._threads.submit(self.serve, number)

    def serve(self, number: int) -> None:
        """Take turns of a partition until nothing is left to do, unless another thread does."""
        partition = self.turns.partitions[number]
        with partition.lock:
            partition.requested = True
            if partition.serving:
                return
            partition.serving = True
        has_more = True
        while not self._stopped.is_set():
            with partition.lock:
                if not has_more and not partition.requested:
                    partition.serving = False
                    return
                partition.requested = False
            has_more = self._try_turn(number)

    def _try_turn(self, number: int) -> bool:
        try:
            try:
                return self.take_turn(number)
            except EpochChanged:
                self._begin_anew([number])
                return False
        except EventstoreError as error:
            self._observer.failed("live", error)
            _LOGGER.warning("partition %d: %s: %s", number, error.code, error.detail)
        except Exception as error:
            self._observer.failed("live", error)
            _LOGGER.exception("a turn of partition %d failed", number)
        # Nothing was sent. The same is tried again.
        self._stopped.wait(_RETRY_SECONDS)
        return True

    def take_turn(self, number: int) -> bool:
        """Take one turn of a partition, and return whether it has more to do. One thread at a time does.

        Raises:
            EpochChanged: The partition has another history than before.
            StoreUnavailable: Nothing was sent; the next turn does the same.
        """
        began = time.monotonic()
        turn = self.turns.begin(number, events=self._limits.events, behind=self._limits.behind)
        if turn.idle:
            return False
        builder = DeliveryBuilder(number, turn.epoch, self._limits.frames, self._limits.events_url)
        frames: dict[SubscriptionKey, int] = {}
        if turn.live and turn.goal > turn.checkpoint:
            self._watched.begin_read(number)
            turn, frames = self._sender.send_live(turn, builder)
        live = [(stream, sequence) for at, stream, sequence in self._watched.take_read(number) if at <= turn.goal]
        caught = self._sender.send_catch_up(turn, builder) if turn.behind else CatchUp()
        parts = builder.parts()
        if caught.places:
            # What is read next depends on whether the clients read what they were sent: all but these parts.
            self._sessions.post_in_step(number, parts)
        elif parts:
            self._sessions.post(parts)
        if parts:
            self._sent(live)
        has_more = self.turns.commit(turn, TurnResult({**frames, **caught.frames}, caught.places, caught.caught_up))
        self._observer.committed("live", number, seconds=time.monotonic() - began)
        return has_more

    def _restart_where_reset(self, ends: Mapping[int, LogEnd]) -> None:
        """Begin anew in the partitions whose history is another one."""
        if changed := [number for number, end in ends.items() if end.epoch != self.turns.partitions[number].epoch]:
            self._begin_anew(changed)

    def _begin_anew(self, numbers: Sequence[int]) -> None:
        # Read here, by one thread at a time: what another thread read before would bring the old history back.
        with self._resetting:
            for number, end in self._log.ends(numbers).items():
                if end.epoch != self.turns.partitions[number].epoch:
                    self._restart(number, end)

    def _restart(self, number: int, end: LogEnd) -> None:
        """Begin anew in a partition whose history is another one: its clients resume from their cursors."""
        ended = self.turns.restart(number, end)
        for subscription in ended:
            self.turns.remove(subscription.key, range(len(self.turns.partitions)), terms_of(subscription))
        connections = dict.fromkeys(subscription.connection for subscription in ended)
        self._sessions.close_soon(connections, code=STORE_RESET, detail="the store was reset; resume from your cursors")
