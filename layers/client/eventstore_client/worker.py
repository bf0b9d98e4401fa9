"""`Worker`: a member of a durable subscription that calls a handler for each event, in threads."""

from __future__ import annotations

import inspect
import logging
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from eventstore_client.backoff import Attempts
from eventstore_client.closing_signals import closed_by
from eventstore_client.errors import ClientError, ConnectFailed, NotFound, Unavailable
from eventstore_client.membership import Membership
from eventstore_client.ownership import OpenFrame
from eventstore_client.processes import Process
from eventstore_client.verdicts import Leave
from eventstore_client.worker_options import LASTING, LEAVING, WorkerClosed, current_delivery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    from eventstore_client.connection import Connection
    from eventstore_client.ownership import Delivery
    from eventstore_client.recorded import Recorded
    from eventstore_client.worker_options import WorkerOptions

__all__ = ["Worker"]

_log = logging.getLogger("eventstore_client")


class Worker:
    """A member of a durable subscription, which shares its events with the other members. It is a context manager.

    Every matching event is handled at least once, or parked. The events of a stream are handled one after the other, in
    the order of their sequences, by whichever members. A connection that is lost is replaced by a new one. Events that
    were not acknowledged are redelivered, to this member or another.

    One thread runs the worker and calls the handler; any thread may close it. With a `concurrency` of more than 1, more
    threads call the handler at the same time, for events of different streams. The worker starts another thread, which
    reads the connection and sends heartbeats for the events received. A worker belongs to the process that created it:
    a forked child creates its own.

    Args:
        options: What it handles, and how.
    """

    def __init__(self, options: WorkerOptions) -> None:
        self._options = options
        self._process = Process()
        self._closed = threading.Event()
        self._backoff = replace(options.backoff, sleep=self._sleep)
        self._attempts = Attempts(self._backoff, options.title, quiet=0.0)
        # Reentrant: a signal handler may call `close` in the thread that holds the lock.
        self._lock = threading.RLock()
        self._membership: Membership | None = None

    @property
    def attempt(self) -> int:
        """The delivery attempt of the event that the calling handler processes: 1, and one more for each failure."""
        delivery = current_delivery()
        return delivery.attempt if delivery else 1

    def run(self, handler: Callable[[Recorded], object], *, signals: Iterable[int] = ()) -> None:
        """Handle events until the worker is closed.

        An event is acknowledged when the handler returns. If the handler raises an exception, the hub redelivers the
        event later, and the rest of its stream after it; other streams continue. After the maximum number of attempts
        of the subscription, the event is parked. `Retry` and `Park` choose between the two.

        A handler that runs for longer than the subscription's `ack_deadline` counts as failed, and the hub redelivers
        the event. If the handler returns after all, the event counts as handled. The other events received wait, and
        are not redelivered.

        Args:
            handler: Processes one event.
            signals: The signals that close the worker, such as SIGTERM and SIGINT; a second one has its usual effect.
                It must run in the main thread then.

        Raises:
            TypeError: The handler is not callable, or is a coroutine function.
            NotFound: The subscription does not exist, or was deleted.
            Denied, NoCredentials: The hub rejects the credentials, or they are not available.
            HistoryLost: Events were removed before they were handled, and there is no `on_loss`. Running again
                continues.
            ConnectFailed, Unavailable: The hub was unreachable for longer than the `patience` of `work`.
            WrongProcess: The worker was created before this process was forked.
        """
        self._process.check(self._options.title)
        if inspect.iscoroutinefunction(handler) or not callable(handler):
            raise TypeError(f"{handler!r} cannot handle events here; a coroutine function can, of AsyncEventStore")
        try:
            with closed_by(signals, self._close_soon):
                while True:
                    try:
                        self._run_membership(handler)
                    except (ConnectFailed, Unavailable) as error:
                        if self._closed.is_set():
                            raise WorkerClosed from None
                        self._attempts.failed(error)
        except WorkerClosed:
            _log.info("%s has ended: it was closed", self._options.title)
        except ClientError as error:
            _log.info("%s has ended: %s", self._options.title, error)
            raise

    def close(self) -> None:
        """End the worker after the current events. Another thread, a handler or a signal handler may call it.

        Events that were received and not started are redelivered to another member.
        """
        with self._lock:
            self._closed.set()
            if self._membership is not None:
                self._membership.leave()

    def wait(self, seconds: float) -> None:
        """Wait in a handler for something that the event does not cause, such as free disk space.

        The time does not count towards the deadline, which restarts afterwards.

        Raises:
            Leave: The worker is closed. The handler must not catch it: the event is not acknowledged, and is delivered
                to another member.
        """
        membership, delivery = self._membership, current_delivery()
        if membership is not None and delivery is not None:
            membership.pause(delivery)
        if self._closed.wait(seconds):
            raise Leave
        if membership is not None and delivery is not None:
            membership.begin(delivery)

    def _close_soon(self) -> None:
        # In a thread of its own, because the thread that a signal interrupts may hold a lock that `close` waits for.
        threading.Thread(target=self.close, name=f"eventstore worker {self._options.name} closing").start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process.is_this:
            self.close()

    def _run_membership(self, handler: Callable[[Recorded], object]) -> None:
        # `websockets` takes a tenth of a cold start, so that it is imported only for live events.
        from eventstore_client.connection import Connection  # noqa: PLC0415 - see above

        if self._closed.is_set():
            raise WorkerClosed
        clock = self._backoff.clock
        options = self._options
        connection = Connection(
            options.url, ping_every=options.ping_every, credentials=options.credentials, clock=clock
        )
        membership = Membership(
            connection.send, options.name, url=options.url, alive_every=options.alive_every, clock=clock
        )
        reader = threading.Thread(
            target=self._read, args=[connection, membership], name=f"eventstore worker {options.name}", daemon=True
        )
        connected_at = clock()
        try:
            membership.join()
            reader.start()
            self._set_membership(membership)
            with self._more_threads(membership, handler):
                self._handle_events(membership, handler)
            with suppress(ConnectFailed):
                membership.unsubscribe(within=LEAVING)
            raise WorkerClosed
        except (ConnectFailed, Unavailable):
            if clock() - connected_at >= LASTING:
                self._attempts.succeeded()
            raise
        finally:
            self._set_membership(None)
            connection.close()
            if reader.ident is not None and self._process.is_this:
                reader.join()

    def _set_membership(self, membership: Membership | None) -> None:
        with self._lock:
            self._membership = membership
            if membership is not None and self._closed.is_set():
                membership.leave()

    def _read(self, connection: Connection, membership: Membership) -> None:
        """Read the connection until it ends. Runs in a thread of its own."""
        try:
            while True:
                text = connection.wait(membership.tick())
                if text is not None and membership.accept(text):
                    self._attempts.succeeded()
        except Exception as error:  # noqa: BLE001 - any error ends this thread; the other thread raises it
            membership.end(error)
            # The handler may run for long, so that the connection is closed now: other members need not wait for it. If
            # the subscription was deleted, the events that it has sent are still handled.
            if not isinstance(error, NotFound):
                connection.close()

    @contextmanager
    def _more_threads(self, membership: Membership, handler: Callable[[Recorded], object]) -> Iterator[None]:
        """Run handlers in more threads, up to `concurrency`. On exit, wait until these have returned.

        Otherwise an event that is redelivered over the next connection could be handled beside its first delivery. An
        interrupt waits for no handler.
        """

        def handle() -> None:
            try:
                self._handle_events(membership, handler)
            except BaseException as error:
                if not self._process.is_this:
                    raise
                membership.end(error)

        threads = [
            threading.Thread(target=handle, name=f"eventstore worker {self._options.name} {number}", daemon=True)
            for number in range(2, self._options.concurrency + 1)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        except Exception as error:
            # In a child that the handler forked, the lock may belong to a thread that is not there.
            if self._process.is_this:
                membership.end(error)
                _join(threads)
            raise
        _join(threads)

    def _handle_events(self, membership: Membership, handler: Callable[[Recorded], object]) -> None:
        """Handle events until the worker is closed."""
        while found := membership.receive():
            if isinstance(found, OpenFrame):
                self._options.accept_loss(found)
                membership.accept_loss()
            else:
                self._handle(membership, found, handler)

    def _handle(self, membership: Membership, delivery: Delivery, handler: Callable[[Recorded], object]) -> None:
        try:
            complete = self._complete(delivery.event)
        except WorkerClosed:
            membership.left(delivery)
            return
        membership.begin(delivery)
        try:
            with self._options.handling(delivery, complete):
                result = handler(complete)
            if inspect.isawaitable(result):
                _close(result)
                raise TypeError("the handler returned an awaitable, which nothing awaits here: use AsyncEventStore")
        except Leave:
            membership.left(delivery)
            self.close()
        except Exception as error:  # noqa: BLE001 - any error is reported to the hub
            # A child that the handler forked must not use its parent's connection.
            self._process.check(self._options.title)
            membership.failed(delivery, error)
        else:
            self._process.check(self._options.title)
            membership.handled(delivery)

    def _complete(self, event: Recorded) -> Recorded:
        # An error here does not count as a failure of the handler: it must not park the stream.
        fetch_data = self._options.fetch_data
        if fetch_data is None or not fetch_data.applies_to(event):
            return event
        return self._backoff.call(lambda: fetch_data(event))

    def _sleep(self, seconds: float) -> None:
        if self._closed.wait(seconds):
            raise WorkerClosed


def _close(awaitable: object) -> None:
    """Close a coroutine that is never awaited; otherwise Python warns of it."""
    if inspect.iscoroutine(awaitable):
        awaitable.close()


def _join(threads: Iterable[threading.Thread]) -> None:
    for thread in threads:
        thread.join()
