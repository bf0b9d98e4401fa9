"""The workers of partitions: which of them this instance has, and when each takes turns."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore.errors import EventstoreError, TurnLost

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Collection, Iterable
    from concurrent.futures import Executor

    from eventstore.live.dispatch import Dispatcher
    from eventstore.ports import Turn, Turns
    from eventstore.ports.follower import Follower
    from eventstore_server.turn_observer import TurnObserver

__all__ = ["PartitionWorkers"]

_LOGGER = logging.getLogger(__name__)

_TURNS_MS = 1000
"""For how many milliseconds a worker takes turns of one partition before others have their turn."""

_RETRY_SECONDS = 0.25
_IDLE_SECONDS = 1.0
"""After how many seconds the checkpoint of a partition without subscriptions in the store follows its log."""

_WAIT_SECONDS = 1.0


@dataclass(slots=True)
class _Worker:
    """The worker of a partition.

    Attributes:
        serving: Whether a thread takes turns.
        requested: Whether a turn was requested meanwhile.
        has_subscriptions: Whether the partition had subscriptions in the store at its last turn: durable ones, or
            ephemeral ones of clients of API Gateway.
        token: The fencing token of the last turn that this instance began; 0 before the first.
        last_command: The id of the last command that the follower has seen.
        timer: Requests the next turn.
        due: When it does, in seconds of `time.monotonic`.
    """

    serving: bool = False
    requested: bool = False
    has_subscriptions: bool = True
    token: int = 0
    last_command: str = ""
    timer: asyncio.TimerHandle | None = None
    due: float = 0.0


class PartitionWorkers:
    """Takes the turns of the partitions that this instance owns.

    The lease in each partition, not this class, ensures that there is one worker: an instance that believes to own what
    another one leases is refused, and tries again until the lease has ended or the partition is not its own any more.

    Args:
        dispatcher: Returns what takes a turn, when it is first needed.
        turns: Gives up leases.
        follower: Waits for commands.
        threads: Take the turns.
        loop: Runs timers.
        now: Returns the current time, in milliseconds since 1970.
        taken_over: Called when a turn of a partition begins that others have served before, in the thread of the turn.
        released: Called with each partition that this instance has given up.
        observer: Measures the turns.
    """

    def __init__(
        self,
        dispatcher: Callable[[], Dispatcher],
        turns: Callable[[], Turns],
        follower: Follower,
        *,
        threads: Executor,
        loop: asyncio.AbstractEventLoop,
        now: Callable[[], int],
        taken_over: Callable[[], None] = lambda: None,
        released: Callable[[int], None] = lambda _: None,
        observer: TurnObserver,
    ) -> None:
        self._dispatcher = dispatcher
        self._turns = turns
        self._follower = follower
        self._threads = threads
        self._loop = loop
        self._now = now
        self._taken_over = taken_over
        self._released = released
        self._observer = observer
        self._lock = threading.Lock()
        self._owned: frozenset[int] = frozenset()
        self._workers: dict[int, _Worker] = {}
        self._is_leaving = False
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow_commands, name="commands", daemon=True)

    def run(self) -> None:
        """Follow the commands of members until `stop` is called."""
        self._thread.start()

    def stop(self) -> None:
        """Take no further turns, and give up all partitions once their turns have ended."""
        with self._lock:
            self._is_leaving = True
        self.own(frozenset())
        self._stopped.set()

    @property
    def is_alive(self) -> bool:
        """Whether commands are followed."""
        return self._thread.is_alive()

    @property
    def owned(self) -> frozenset[int]:
        """The partitions that this instance owns."""
        return self._owned

    def own(self, partitions: Collection[int]) -> None:
        """Own these partitions from now on, and give up all others."""
        with self._lock:
            # A heartbeat while the instance stops must not take back what is being given up.
            before, self._owned = self._owned, frozenset() if self._is_leaving else frozenset(partitions)
            gained, lost = self._owned - before, before - self._owned
            for partition in gained:
                # If a thread has yet to give up a partition that is regained, it and its worker go on.
                self._workers.setdefault(partition, _Worker())
        # Whoever owned it before may have left something undone, and a timer that it had is gone.
        self.request_turns(gained)
        for partition in lost:
            self._submit(partition)

    def request_turns(self, partitions: Iterable[int]) -> None:
        """Take a turn of these partitions soon, of those that this instance owns."""
        for partition in partitions:
            if partition in self._owned:
                self._submit(partition)

    def request_turn_later(self, partition: int, *, seconds: float) -> None:
        """Take a turn of a partition after some seconds, unless one comes earlier. Any thread may call it."""
        self._loop.call_soon_threadsafe(self._schedule, partition, seconds)

    def log_moved(self, partition: int) -> None:
        """Take a turn of a partition whose log grew: soon, if it has subscriptions in the store."""
        worker = self._workers.get(partition)
        if partition not in self._owned or worker is None:
            return
        if worker.has_subscriptions:
            self._submit(partition)
        elif worker.timer is None:
            self.request_turn_later(partition, seconds=_IDLE_SECONDS)

    def observe(self, turn: Turn) -> None:
        """Note what a turn that begins says of its partition."""
        worker = self._workers.get(turn.partition)
        if worker is None:
            return
        worker.has_subscriptions = bool(turn.groups or turn.behind or turn.live)
        # Each turn of any process has the next token.
        if turn.fencing_token != worker.token + 1:
            self._taken_over()
        worker.token = turn.fencing_token
        # A turn that was scheduled ahead by another instance is this one's to take.
        if turn.alarm > turn.stamp > 0:
            self.request_turn_later(turn.partition, seconds=(turn.alarm - turn.stamp) / 1000)

    def _schedule(self, partition: int, seconds: float) -> None:
        worker = self._workers.get(partition)
        due = time.monotonic() + seconds
        if worker is None or partition not in self._owned:
            return
        if worker.timer is not None:
            if worker.due <= due:
                return
            worker.timer.cancel()
        worker.due = due
        worker.timer = self._loop.call_later(seconds, self._fire, partition)

    def _fire(self, partition: int) -> None:
        worker = self._workers.get(partition)
        if worker is not None:
            worker.timer = None
            self.request_turns([partition])

    def _submit(self, partition: int) -> None:
        if not self._stopped.is_set():
            self._threads.submit(self._serve, partition)

    def _serve(self, partition: int) -> None:
        """Take turns of a partition until nothing is left to do, unless another thread does."""
        with self._lock:
            worker = self._workers.get(partition)
            if worker is None:
                return
            worker.requested = True
            if worker.serving:
                return
            worker.serving = True
        has_more = True
        while True:
            with self._lock:
                is_owned = partition in self._owned
                if not is_owned or not (has_more or worker.requested):
                    worker.serving = False
                    break
                worker.requested = False
            has_more = self._try_turns(partition)
        if not is_owned:
            self._give_up(partition, worker)

    def _try_turns(self, partition: int) -> bool:
        try:
            return self._dispatcher().serve(partition, until=self._now() + _TURNS_MS)
        except TurnLost as error:
            self._observer.failed("durable", error)
            # Another instance holds the lease, or has just taken over.
            _LOGGER.info("%s: %s", error.code, error.detail)
        except EventstoreError as error:
            self._observer.failed("durable", error)
            _LOGGER.warning("partition %d: %s: %s", partition, error.code, error.detail)
        except Exception as error:
            self._observer.failed("durable", error)
            _LOGGER.exception("a turn of partition %d failed", partition)
        self._stopped.wait(_RETRY_SECONDS)
        return True

    def _give_up(self, partition: int, worker: _Worker) -> None:
        with self._lock:
            if partition in self._owned or self._workers.get(partition) is not worker:
                return
            del self._workers[partition]
        try:
            self._turns().release(partition)
            self._released(partition)
        except EventstoreError as error:
            # The lease ends by itself.
            _LOGGER.info("partition %d: %s: %s", partition, error.code, error.detail)

    def _follow_commands(self) -> None:
        while not self._stopped.is_set():
            known = {partition: worker.last_command for partition, worker in list(self._workers.items())}
            try:
                news = self._follower.wait_for_commands(known, seconds=_WAIT_SECONDS)
            except EventstoreError as error:
                if not self._stopped.is_set():
                    _LOGGER.warning("commands cannot be followed: %s: %s", error.code, error.detail)
                    self._stopped.wait(_RETRY_SECONDS)
                continue
            except Exception:
                if not self._stopped.is_set():
                    _LOGGER.exception("following commands failed")
                    self._stopped.wait(_RETRY_SECONDS)
                continue
            for partition, command in news.items():
                if (worker := self._workers.get(partition)) is not None:
                    worker.last_command = command
            self.request_turns(news)
