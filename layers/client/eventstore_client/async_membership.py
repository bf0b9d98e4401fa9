"""A member of a durable subscription that tasks of an event loop share."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

from eventstore_client.errors import ConnectFailed
from eventstore_client.member import Member

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore_client.link import Link
    from eventstore_client.ownership import Delivery, OpenFrame

__all__ = ["AsyncMembership"]


class AsyncMembership:
    """A `Member` that tasks share: one reads the connection, the others handle events.

    Args:
        link: The connection.
        name: The name of the durable subscription.
        url: As for `Member`.
        alive_every: As for `Member`.
        clock: Returns monotonic time in seconds.
    """

    def __init__(
        self,
        link: Link,
        name: str,
        *,
        url: str,
        alive_every: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._link = link
        self.member = Member(name, url=url, alive_every=alive_every, clock=clock)
        # Tasks that wait. One is woken up when there may be an event for it; if it finds one, it wakes up the next. All
        # are woken up when the membership ends.
        self._waiting: deque[asyncio.Future[None]] = deque()
        # Keeps the messages of several tasks in order.
        self._sending = asyncio.Lock()

    async def join(self) -> None:
        """Send the request to join the durable subscription.

        Raises:
            ConnectFailed: The connection was lost.
        """
        self.member.join()
        await self._flush()

    async def read(self, on_frame: Callable[[], object]) -> None:
        """Read the connection until it ends, and apply timeouts; never returns.

        Args:
            on_frame: Called for each frame, which shows that the hub works.

        Raises:
            ConnectFailed: The connection or a frame was lost.
            ProblemError: The hub ended the membership.
        """
        while True:
            seconds = self.member.tick()
            await self._flush()
            text = await self._link.wait(seconds)
            if text is not None and self.member.accept(text):
                on_frame()
            self._wake_one()

    def end(self, error: BaseException) -> None:
        """End the membership because of an error, which the tasks that handle events raise."""
        self.member.end(error)
        self._wake_all()

    def leave(self) -> None:
        """Make `receive` return None."""
        self.member.is_leaving = True
        self._wake_all()

    async def unsubscribe(self, *, within: float) -> None:
        """Acknowledge the events that were handled, and leave; see `Membership.unsubscribe`."""
        self.member.acknowledge_unfinished()
        await self._wait_for_confirmation(within)
        self.member.unsubscribe()
        await self._wait_for_confirmation(within)

    async def receive(self) -> Delivery | OpenFrame | None:
        """Wait for the next event to handle, or a frame that reports a loss; None after `leave`.

        Raises:
            ConnectFailed: The connection was lost; the events that wait are redelivered.
            ProblemError: The hub ended the membership.
        """
        while not self.member.is_leaving:
            found = self.member.next()
            if found is not None:
                self._wake_one()
                await self._flush()
                return found
            if self.member.has_messages:
                # An event that must not be handled was acknowledged instead.
                await self._flush()
            else:
                await self._wait()
        return None

    async def accept_loss(self) -> None:
        """Continue after a frame that reports a loss."""
        self.member.accept_loss()
        await self._flush()

    async def handled(self, delivery: Delivery) -> None:
        """Acknowledge an event: its handler returned.

        Raises:
            ConnectFailed: The connection was lost.
        """
        self.member.handled(delivery)
        await self._flush()

    async def failed(self, delivery: Delivery, error: Exception) -> None:
        """Send a nack for an event: its handler raised an exception; see `Member.failed`.

        Raises:
            ConnectFailed: The connection was lost.
        """
        reason = self.member.log_failure(delivery, error)
        self.member.failed(delivery, error, reason)
        await self._flush()

    async def _wait_for_confirmation(self, within: float) -> None:
        await self._flush()
        try:
            async with asyncio.timeout(within):
                while not (self.member.error or self.member.is_confirmed):
                    await self._wait()
        except TimeoutError:
            pass

    async def _wait(self) -> None:
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting

    def _wake_one(self) -> None:
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(None)
                return

    def _wake_all(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()

    async def _flush(self) -> None:
        try:
            while self.member.has_messages:
                async with self._sending:
                    if message := self.member.message():
                        await self._link.send(message)
        except ConnectFailed:
            # The error that ended the membership is the cause of this one.
            if self.member.error is not None:
                raise self.member.error from None
            raise
