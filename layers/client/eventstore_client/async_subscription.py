"""`AsyncSubscription`: an asynchronous iterator of live events that reconnects and resumes by itself."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING, Self, TypeVar

from eventstore_client.async_io import is_set_within
from eventstore_client.feed import Feed, FeedClosed

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import TracebackType
    from typing import Any

    from eventstore_client.blocking import Io
    from eventstore_client.feed import FeedOptions
    from eventstore_client.link import Link
    from eventstore_client.recorded import Recorded

__all__ = ["AsyncSubscription", "Opening"]

Result = TypeVar("Result")


class AsyncSubscription:
    """An asynchronous iterator of live events, which ends only when it is closed. It is a context manager.

    It delivers, reconnects, resumes and raises as `Subscription` does. One task iterates; any task of its event loop
    may close it. A task that is cancelled while it waits for an event loses none: iterating again continues.
    """

    def __init__(self, options: FeedOptions, io: Io) -> None:
        self._io = _FeedIo(io)
        self._feed = Feed(options, self._io)
        self._loop = asyncio.get_running_loop()
        self._is_iterating = False

    @property
    def cursor(self) -> str:
        """The position to resume from, by `AsyncEventStore.subscribe`; see `Subscription.cursor`."""
        return self._feed.cursor

    def handled(self) -> str:
        """Count the last event as handled before the next is requested, and return the new `cursor`."""
        return self._feed.handled()

    async def aclose(self) -> None:
        """End the iteration immediately, also in another task. Events not delivered yet are dropped."""
        self._check_loop()
        self._io.is_closed = True
        self._io.closed.set()
        await self._feed.disconnect()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Recorded:
        self._check_loop()
        if self._is_iterating:
            raise RuntimeError("another task waits for the next event: one task iterates a subscription")
        if (event := self._feed.take()) is not None:
            return event
        self._is_iterating = True
        try:
            # Frames that have arrived are read without waiting: other tasks come between two.
            await asyncio.sleep(0)
            return await self._feed.next()
        except FeedClosed:
            raise StopAsyncIteration from None
        finally:
            self._is_iterating = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _open(self) -> Self:
        try:
            await self._feed.open()
        except BaseException:
            await self._feed.disconnect()
            raise
        return self

    def _check_loop(self) -> None:
        if asyncio.get_running_loop() is not self._loop:
            raise RuntimeError(
                "the subscription belongs to another event loop: subscribe in this one, with the cursor of the other"
            )


class Opening:
    """A subscription that is being opened: `await` it, or use it as an asynchronous context manager.

    Args:
        options: What the subscription follows, and how.
        io: How the store waits for requests.
    """

    def __init__(self, options: FeedOptions, io: Io) -> None:
        self._options = options
        self._io = io
        self._subscription: AsyncSubscription | None = None
        self._is_awaited = False

    def __del__(self) -> None:
        if not self._is_awaited:
            message = "a subscription was never awaited: await subscribe(…), or use it by `async with`"
            warnings.warn(message, RuntimeWarning, stacklevel=2, source=self)

    def __await__(self) -> Generator[Any, None, AsyncSubscription]:
        """Return the subscription when the hub has confirmed it."""
        self._is_awaited = True
        return AsyncSubscription(self._options, self._io)._open().__await__()  # noqa: SLF001 - its only way to be open

    async def __aenter__(self) -> AsyncSubscription:
        self._subscription = await self
        return self._subscription

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._subscription is not None:
            await self._subscription.aclose()


class _FeedIo:
    """Waits in the event loop; closing ends the waiting."""

    def __init__(self, io: Io) -> None:
        self._io = io
        self.closed = asyncio.Event()
        self.is_closed = False

    async def run(self, action: Callable[[], Result]) -> Result:
        return await self._io.run(action)

    async def sleep(self, seconds: float) -> None:
        if await is_set_within(self.closed, seconds):
            raise FeedClosed

    async def connect(self, options: FeedOptions) -> Link:
        """Connect, unless the subscription is closed meanwhile."""
        from eventstore_client.async_connection import open_link  # noqa: PLC0415 - `websockets` is imported for it

        opening = asyncio.ensure_future(
            open_link(options.url, ping_every=options.ping_every, io=self._io, credentials=options.credentials)
        )
        closed = asyncio.ensure_future(self.closed.wait())
        try:
            await asyncio.wait({opening, closed}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await _abandon(opening)
            raise
        finally:
            closed.cancel()
        if not opening.done():
            await _abandon(opening)
            raise FeedClosed
        return opening.result()


async def _abandon(opening: asyncio.Future[Link]) -> None:
    """Cancel a connection that is being opened, and close it if it is open after all."""
    opening.cancel()
    await asyncio.wait({opening})
    if not opening.cancelled() and opening.exception() is None:
        await opening.result().close()
