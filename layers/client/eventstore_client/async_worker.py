"""`AsyncWorker`: a member of a durable subscription that calls a handler for each event, in an event loop."""

from __future__ import annotations

import asyncio
import inspect
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

from eventstore_client.async_io import is_set_within
from eventstore_client.async_membership import AsyncMembership
from eventstore_client.backoff import Attempts
from eventstore_client.closing_signals import closed_by
from eventstore_client.errors import ClientError, ConnectFailed, NotFound, Unavailable
from eventstore_client.losses import completed
from eventstore_client.ownership import OpenFrame
from eventstore_client.processes import Process
from eventstore_client.verdicts import Leave
from eventstore_client.worker_options import LASTING, LEAVING, WorkerClosed, current_delivery

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator
    from types import TracebackType

    from eventstore_client.blocking import Io
    from eventstore_client.link import Link
    from eventstore_client.ownership import Delivery
    from eventstore_client.recorded import Recorded
    from eventstore_client.worker_options import WorkerOptions

__all__ = ["AsyncWorker"]

Result = TypeVar("Result")
Handler: TypeAlias = "Callable[[Recorded], Awaitable[object]]"

_log = logging.getLogger("eventstore_client")


class AsyncWorker:
    """A member of a durable subscription whose handler runs in an event loop. It is a context manager.

    It delivers, reconnects and raises as `Worker` does. Up to `concurrency` tasks handle events of different streams at
    the same time. A handler that is an ordinary function runs in a thread. A handler must not block the event loop: the
    heartbeats are sent from it. A worker belongs to the event loop that runs it.

    Args:
        options: What it handles, and how.
        io: How the store waits for what blocks.
    """

    def __init__(self, options: WorkerOptions, io: Io) -> None:
        self._options = options
        self._io = io
        self._process = Process()
        self._attempts = Attempts(options.backoff, options.title, quiet=0.0)
        # `close` sets the flag at once, and the event in the loop.
        self._is_closed = False
        self._closed = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._membership: AsyncMembership | None = None

    @property
    def attempt(self) -> int:
        """The delivery attempt of the event that the calling handler processes: 1, and one more for each failure."""
        delivery = current_delivery()
        return delivery.attempt if delivery else 1

    async def run(self, handler: Callable[[Recorded], Any], *, signals: Iterable[int] = ()) -> None:
        """Handle events until the worker is closed; see `Worker.run`.

        If the task that runs it is cancelled, the handlers are cancelled, and their events are redelivered.

        Args:
            handler: A coroutine function, which is called in a task, or an ordinary function, in a thread.
            signals: The signals that close the worker, such as SIGTERM.
        """
        self._process.check(self._options.title)
        if not callable(handler):
            raise TypeError(f"the handler {handler!r} is not callable")
        self._loop = asyncio.get_running_loop()
        try:
            with closed_by(signals, self.close), _awaitable(handler, threads=self._options.concurrency) as awaited:
                while True:
                    try:
                        await self._run_membership(awaited)
                    except (ConnectFailed, Unavailable) as error:
                        if self._is_closed:
                            raise WorkerClosed from None
                        await self._sleep(self._attempts.pause_after(error))
        except WorkerClosed:
            _log.info("%s has ended: it was closed", self._options.title)
        except ClientError as error:
            _log.info("%s has ended: %s", self._options.title, error)
            raise

    def close(self) -> None:
        """End the worker after the current events. Any thread, task or handler may call it, also that of a signal.

        Events that were received and not started are redelivered to another member.
        """
        self._is_closed = True
        if (membership := self._membership) is not None:
            membership.member.is_leaving = True
        if self._loop is None:
            self._closed.set()
            return
        # The loop may have ended, and then nothing waits.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._wake_up)

    async def wait(self, seconds: float) -> None:
        """Wait in a handler for something that the event does not cause; see `Worker.wait`.

        Raises:
            Leave: The worker is closed. The handler must not catch it.
        """
        membership, delivery = self._membership, current_delivery()
        if membership is not None and delivery is not None:
            membership.member.pause(delivery)
        try:
            await self._sleep(seconds)
        except WorkerClosed:
            raise Leave from None
        if membership is not None and delivery is not None:
            membership.member.begin(delivery)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def _run_membership(self, handler: Handler) -> None:
        from eventstore_client.async_connection import open_link  # noqa: PLC0415 - `websockets` is imported for it

        if self._is_closed:
            raise WorkerClosed
        options, clock = self._options, self._options.backoff.clock
        link = await open_link(
            options.url, ping_every=options.ping_every, io=self._io, credentials=options.credentials, clock=clock
        )
        membership = AsyncMembership(link, options.name, url=options.url, alive_every=options.alive_every, clock=clock)
        connected_at = clock()
        tasks = [asyncio.ensure_future(self._read(link, membership))]
        try:
            await membership.join()
            self._membership = membership
            if self._is_closed:
                membership.leave()
            tasks += [
                asyncio.ensure_future(self._handle_events(membership, handler)) for _ in range(options.concurrency)
            ]
            # An event that is redelivered over the next connection must not be handled beside its first delivery.
            await asyncio.gather(*tasks[1:])
            if membership.member.error is not None and not membership.member.is_leaving:
                raise membership.member.error
            with suppress(ConnectFailed):
                await membership.unsubscribe(within=LEAVING)
            raise WorkerClosed
        except (ConnectFailed, Unavailable):
            if clock() - connected_at >= LASTING:
                self._attempts.succeeded()
            raise
        finally:
            self._membership = None
            for task in tasks:
                task.cancel()
            try:
                await asyncio.gather(*tasks, return_exceptions=True)
            finally:
                await link.close()

    async def _read(self, link: Link, membership: AsyncMembership) -> None:
        try:
            await membership.read(self._attempts.succeeded)
        except Exception as error:  # noqa: BLE001 - any error ends this task; the tasks that handle events raise it
            membership.end(error)
            # A handler may run for long, so that the connection is closed now: other members need not wait for it. If
            # the subscription was deleted, the events that it has sent are still handled.
            if not isinstance(error, NotFound):
                await link.close()

    async def _handle_events(self, membership: AsyncMembership, handler: Handler) -> None:
        """Handle events until the membership ends."""
        try:
            while found := await membership.receive():
                if isinstance(found, OpenFrame):
                    await completed(self._options.accept_loss(found))
                    await membership.accept_loss()
                else:
                    await self._handle(membership, found, handler)
                    # A handler that never waits would keep the loop from the heartbeats, and from other tasks.
                    await asyncio.sleep(0)
        except Exception as error:  # noqa: BLE001 - the task that runs the worker raises it
            membership.end(error)

    async def _handle(self, membership: AsyncMembership, delivery: Delivery, handler: Handler) -> None:
        try:
            event = await self._complete(delivery.event)
        except WorkerClosed:
            membership.member.left(delivery)
            return
        membership.member.begin(delivery)
        try:
            with self._options.handling(delivery, event):
                await handler(event)
        except Leave:
            membership.member.left(delivery)
            self.close()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            await membership.failed(delivery, RuntimeError("a task that the handler awaited was cancelled"))
        except Exception as error:  # noqa: BLE001 - any error is reported to the hub
            await membership.failed(delivery, error)
        else:
            await membership.handled(delivery)

    async def _complete(self, event: Recorded) -> Recorded:
        # An error here does not count as a failure of the handler: it must not park the stream.
        fetch_data = self._options.fetch_data
        if fetch_data is None or not fetch_data.applies_to(event):
            return event
        return await self._options.backoff.retry(lambda: fetch_data(event), _ClosableIo(self._io, self._sleep))

    def _wake_up(self) -> None:
        self._closed.set()
        if self._membership is not None:
            self._membership.leave()

    async def _sleep(self, seconds: float) -> None:
        if await is_set_within(self._closed, seconds):
            raise WorkerClosed


@dataclass(frozen=True, slots=True)
class _ClosableIo:
    """Waits like the store; closing the worker ends a pause."""

    io: Io
    pause: Callable[[float], Awaitable[None]]

    async def run(self, action: Callable[[], Result]) -> Result:
        return await self.io.run(action)

    async def sleep(self, seconds: float) -> None:
        await self.pause(seconds)


@contextmanager
def _awaitable(handler: Callable[[Recorded], Any], *, threads: int) -> Iterator[Handler]:
    """Enter a context with a handler that can be awaited. Ordinary functions run in threads."""
    call = getattr(handler, "__call__", None)  # noqa: B004 - an object may have an asynchronous one
    if inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(call):
        yield handler
        return
    pool = ThreadPoolExecutor(threads, thread_name_prefix="eventstore worker")

    async def handle(event: Recorded) -> None:
        loop = asyncio.get_running_loop()
        result = await loop.run_in_executor(pool, partial(copy_context().run, handler, event))
        # What returns a coroutine need not be a coroutine function, such as a lambda.
        if inspect.isawaitable(result):
            await result

    try:
        yield handle
    except BaseException as error:
        # A handler that is cancelled goes on in its thread. Otherwise all have returned.
        pool.shutdown(wait=isinstance(error, Exception))
        raise
    pool.shutdown()
