"""The door on a hub whose turns run in a thread, and whose frames reach the sessions of this process."""

from __future__ import annotations

import asyncio
import itertools
import queue
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from eventstore.hub.hub import Hub
from eventstore.hub.settings import Settings
from eventstore_server.grpc.door import SERVICES, GrpcDoor
from eventstore_server.grpc.options import GrpcOptions
from eventstore_server.worker_threads import WorkerThreads
from tests.fakes.letters import FakeLetters
from tests.fakes.queues import FakeDispatchQueue
from tests.grpc_stubs import Stub, insecure

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence
    from concurrent.futures import Future

    from eventstore.frames.frame import Delivery
    from eventstore.subscriptions import ConnectionId
    from eventstore_server.sessions import Session

__all__ = ["FakeSessions", "Served"]

ResultT = TypeVar("ResultT")
_WITHIN = 20.0
_CALL = 120.0
"""The seconds after which a call ends that waits for what does not come: its test fails then, and does not hang."""


class FakeSessions:
    """The sessions of an instance, and what was added and removed."""

    def __init__(self) -> None:
        self.by_id: dict[str, Session] = {}
        self.changed = threading.Condition()
        self._numbers = itertools.count(1)

    def new_id(self) -> ConnectionId:
        new: Any = f"grpc-{next(self._numbers)}"
        return new

    def add(self, session: Session) -> None:
        with self.changed:
            self.by_id[session.connection.id] = session
            self.changed.notify_all()

    def remove(self, connection_id: ConnectionId) -> None:
        with self.changed:
            del self.by_id[connection_id]
            self.changed.notify_all()

    def wait_until(self, count: int) -> None:
        """Wait until there are so many sessions."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.by_id) == count, timeout=_WITHIN)


class Turns(FakeDispatchQueue):
    """Runs the turns that are requested, one after the other, in a thread; those for later when their time has come.

    A turn that fails is not repeated: `stop` raises its error.
    """

    def __init__(self) -> None:
        super().__init__()
        self.hub: Hub | None = None
        self.held = threading.Event()
        self.held.set()
        self._requested: queue.Queue[int | None] = queue.Queue()
        self._timers: list[threading.Timer] = []
        self._failures: list[Exception] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def request_turns(self, partitions: Iterable[int]) -> None:
        for partition in partitions:
            self._requested.put(partition)

    def request_turn_later(self, partition: int, *, seconds: float) -> None:
        timer = threading.Timer(seconds, self.request_turns, [[partition]])
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def settle(self) -> None:
        """Wait until all turns that were requested have run."""
        self._requested.join()

    def stop(self) -> None:
        self.held.set()
        for timer in self._timers:
            timer.cancel()
        self._requested.put(None)
        self._thread.join(_WITHIN)
        assert not self._thread.is_alive()
        if self._failures:
            raise self._failures[0]

    def _run(self) -> None:
        while (partition := self._requested.get()) is not None:
            self.held.wait()
            assert self.hub is not None
            try:
                if self.hub.dispatcher.serve(partition, until=self.hub.clock.now() + 1000):
                    self._requested.put(partition)
            except Exception as error:  # noqa: BLE001 - `stop` raises it
                self._failures.append(error)
            finally:
                self._requested.task_done()


class SessionDeliveries:
    """Hands the parts of deliveries to the sessions of this process, on the thread of their loop."""

    def __init__(self, sessions: FakeSessions, loop: asyncio.AbstractEventLoop) -> None:
        self._sessions = sessions
        self._loop = loop

    def send(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            for part in delivery.parts:
                for to in part.to:
                    session = self._sessions.by_id.get(to.connection)
                    if session is not None:
                        self._loop.call_soon_threadsafe(session.deliver, part, to)


class Served:
    """A door that serves, and clients of its services.

    Args:
        redis_url: The store, which is emptied.
        options: The options of the door; its port is chosen by the operating system.
    """

    def __init__(self, redis_url: str, *, auth: str = "none", **options: Any) -> None:  # noqa: ANN401 - those of GrpcOptions
        environment = {"REDIS_URL": redis_url, "PARTITIONS": "4", "AUTH": auth}
        self.hub = Hub(Settings.from_environment(environment))
        self.hub.redis.flushall()
        self.turns = Turns()
        self.turns.hub = self.hub
        self.sessions = FakeSessions()
        self.before_closing: list[Callable[[], None]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        hub: Any = self.hub
        hub.dispatch_queue = self.turns
        hub.letters = FakeLetters()
        hub.deliveries = SessionDeliveries(self.sessions, self._loop)
        self.threads = WorkerThreads(4, name="call")
        self.door: GrpcDoor = self.on_loop(self._new_door, GrpcOptions(port=0, **options))
        self.in_loop(self.door.start())
        self.channel = insecure(self.door.port)
        self.events, self.streams, self.subscriptions, self.operations = (
            Stub(self.channel, service, timeout=_CALL) for service in SERVICES
        )

    def in_loop(self, coroutine: Coroutine[Any, Any, ResultT]) -> ResultT:
        """Run a coroutine in the loop of the server."""
        return self.start(coroutine).result(_WITHIN)

    def start(self, coroutine: Coroutine[Any, Any, ResultT]) -> Future[ResultT]:
        """Start a coroutine in the loop of the server."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def on_loop(self, function: Callable[..., ResultT], *arguments: object) -> ResultT:
        """Call a function on the thread of the server's loop."""

        async def call() -> ResultT:
            return function(*arguments)

        return self.in_loop(call())

    def close(self) -> None:
        for before in self.before_closing:
            before()
        self.channel.close()
        self.in_loop(self.door.drain(0))
        try:
            self.turns.stop()
        finally:
            self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_WITHIN)
        self._loop.close()
        self.threads.close()
        self.hub.close()

    def _new_door(self, options: GrpcOptions) -> GrpcDoor:
        return GrpcDoor(self.hub, self.sessions, threads=self.threads, options=options)
