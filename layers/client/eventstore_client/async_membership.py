"""A member of a durable subscription that tasks of an event loop share."""

from __future__ import annotations

import asyncio
import time
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
        alive_every: As for `Member`.
        clock: Returns monotonic time in seconds.
    """

    def __init__(
        self,
        link: Link,
        name: str,
        *,
        alive_every: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._link = link
        self.member = Member(name, alive_every=alive_every, clock=clock)
        # Set when another task may have something to do. A task clears it in the step in which it finds nothing.
        self._changed = asyncio.Event()
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
            self._changed.set()

    def end(self, error: BaseException) -> None:
        """End the membership because of an error, which the tasks that handle events raise."""
        self.member.end(error)
        self._changed.set()

    def leave(self) -> None:
        """Make `receive` return None."""
        self.member.is_leaving = True
        self._changed.set()

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
            self._changed.clear()
            found = self.member.next()
            # An event that must not be handled may have been acknowledged instead.
            await self._flush()
            if found is not None:
                return found
            await self._changed.wait()
        return None

    async def accept_loss(self) -> None:
        """Continue after a frame that reports a loss."""
        self.member.accept_loss()
        await self._notify()

    async def handled(self, delivery: Delivery) -> None:
        """Acknowledge an event: its handler returned.

        Raises:
            ConnectFailed: The connection was lost.
        """
        self.member.handled(delivery)
        await self._notify()

    async def failed(self, delivery: Delivery, error: Exception) -> None:
        """Send a nack for an event: its handler raised an exception; see `Member.failed`.

        Raises:
            ConnectFailed: The connection was lost.
        """
        self.member.failed(delivery, error)
        await self._notify()

    async def _notify(self) -> None:
        self._changed.set()
        await self._flush()

    async def _wait_for_confirmation(self, within: float) -> None:
        await self._flush()
        try:
            async with asyncio.timeout(within):
                while not (self.member.error or self.member.is_confirmed):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pass

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
