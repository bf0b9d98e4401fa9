"""Publishing any number of events in batches from an event loop, while further events are produced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from contextlib import aclosing
from typing import TYPE_CHECKING

from eventstore_client.batches import Batches, note_events

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence

    from eventstore_client.events import Publishable, Stored

__all__ = ["publish_in_batches"]


async def publish_in_batches(
    events: Iterable[Publishable] | AsyncIterable[Publishable],
    encode: Callable[[Publishable], str],
    send: Callable[[Sequence[str]], Awaitable[Sequence[Stored]]],
    *,
    batch: int,
    linger: float,
    on_stored: Callable[[Sequence[Stored]], object] | None,
) -> int:
    """Send events in order, one request at a time, and return the number of those that were stored.

    Args:
        events: The events. If they raise an error, those before it are stored.
        encode: Returns the JSON text of an event.
        send: Publishes the JSON texts of events, and returns their positions.
        batch: As for `Batches`.
        linger: As for `Batches`.
        on_stored: Called after each request.
    """
    sender = _Sender(Batches(batch=batch, linger=linger), send, on_stored)
    sending = asyncio.create_task(sender.run())
    try:
        try:
            async with aclosing(_each(events)) as each:
                async for event in each:
                    await sender.put(encode(event), sending)
        except Exception:
            sender.finish()
            await asyncio.wait({sending})
            raise
        sender.finish()
        await sending
    finally:
        # If this task is cancelled, or interrupted, the request in progress is the last one.
        sending.cancel()
        await asyncio.wait({sending})
        if not sending.cancelled():
            sending.exception()
    return sender.stored


class _Sender:
    """Sends the events that are put, in a task of its own."""

    def __init__(
        self,
        batches: Batches,
        send: Callable[[Sequence[str]], Awaitable[Sequence[Stored]]],
        on_stored: Callable[[Sequence[Stored]], object] | None,
    ) -> None:
        self._batches = batches
        self._send = send
        self._on_stored = on_stored
        self._is_finished = False
        # Set when the sender may have something to do, and when there is room for another event.
        self._due = asyncio.Event()
        self._room = asyncio.Event()
        self.stored = 0

    async def put(self, text: str, sending: asyncio.Task[None]) -> None:
        """Queue an event. It waits while too many are queued; if sending has failed, its error is raised."""
        while not self._batches.has_room and not sending.done():
            self._room.clear()
            await self._room.wait()
        if sending.done():
            await sending
        if self._batches.put(text):
            self._due.set()
            # An iterable that never waits must leave time for the event loop.
            await asyncio.sleep(0)

    def finish(self) -> None:
        """Send what is queued, and end."""
        self._is_finished = True
        self._due.set()

    async def run(self) -> None:
        """Send until all events are sent."""
        try:
            while texts := await self._take():
                with note_events(self.stored, len(texts)):
                    stored = await self._send(texts)
                self.stored += len(stored)
                if self._on_stored:
                    self._on_stored(stored)
        finally:
            self._room.set()

    async def _take(self) -> Sequence[str]:
        """Wait until a request is due, and return its events; none at the end."""
        while not self._is_finished and (not len(self._batches) or self._batches.remaining > 0):
            self._due.clear()
            try:
                async with asyncio.timeout(self._batches.remaining if len(self._batches) else None):
                    await self._due.wait()
            except TimeoutError:
                break
        texts = self._batches.take()
        self._room.set()
        return texts


async def _each(events: Iterable[Publishable] | AsyncIterable[Publishable]) -> AsyncGenerator[Publishable, None]:
    if isinstance(events, AsyncIterable):
        async for event in events:
            yield event
    else:
        for event in events:
            yield event
