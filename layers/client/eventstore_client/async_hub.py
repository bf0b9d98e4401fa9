"""`AsyncEventStore`: publish, read, search, subscribe and administer a hub from an event loop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from eventstore_client.async_batches import publish_in_batches
from eventstore_client.async_io import AsyncIo
from eventstore_client.event_calls import EventCalls, publish_call
from eventstore_client.operations import Asynchronous

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable, Sequence
    from types import TracebackType

    from eventstore_client.blocking import Io
    from eventstore_client.dead_letters import AsyncDeadLetters
    from eventstore_client.durable_subscriptions import AsyncDurableSubscriptions
    from eventstore_client.event_schemas import AsyncEventSchemas
    from eventstore_client.events import Publishable, Stored
    from eventstore_client.named_filters import AsyncNamedFilters
    from eventstore_client.open_connections import AsyncConnections
    from eventstore_client.streams import AsyncStreams

__all__ = ["AsyncEventStore"]

# ruff: noqa: PLC0415 - what administers a hub is imported when it is used: most programs only publish and read


@dataclass(slots=True)
class AsyncEventStore(EventCalls, Asynchronous):
    """The asynchronous face of `EventStore`: the same attributes and calls, to be awaited or iterated by `async for`.

    Requests run in `connections` threads of the store, subscriptions in the event loop. Tasks, and event loops, may
    share a store; a subscription belongs to its event loop. It is an asynchronous context manager.

    A call that is cancelled is not sent again. A request that is on its way completes in its thread, and the hub may
    carry it out: publish again with the same ids, and each event is stored once.

    Functions that the caller passes, such as `on_loss`, run in the event loop and must not block; `on_loss` may be a
    coroutine function. A source of credentials runs in a thread.
    """

    _threads: AsyncIo = field(init=False, repr=False)

    async def publish_all(
        self,
        events: Iterable[Publishable] | AsyncIterable[Publishable],
        *,
        stream: str | None = None,
        batch: int = 1_000,
        linger: float = 0.0,
        on_stored: Callable[[Sequence[Stored]], object] | None = None,
    ) -> int:
        """Store any number of events in as many requests as they need; see `EventStore.publish_all`.

        If it is cancelled, the request in progress may be stored, and no further ones are sent.

        Args:
            events: The events in order, of an iterable or an asynchronous one.
            stream: As for `publish`.
            batch: As for `EventStore.publish_all`.
            linger: As for `EventStore.publish_all`.
            on_stored: Called with the positions of the events of each request, in the event loop.
        """
        if isinstance(events, str | bytes | dict):
            raise TypeError("publish_all() expects an iterable of events; wrap a single event in a list")

        async def send(texts: Sequence[str]) -> Sequence[Stored]:
            return await self._rest.call(publish_call(texts, stream=stream))

        return await publish_in_batches(events, self._encode, send, batch=batch, linger=linger, on_stored=on_stored)

    @property
    def streams(self) -> AsyncStreams:
        """The streams: `list`, `get`, `create`, `change` and `delete` them."""
        from eventstore_client.streams import AsyncStreams

        return AsyncStreams(self._rest)

    @property
    def subscriptions(self) -> AsyncDurableSubscriptions:
        """The durable subscriptions: `list`, `get`, `create`, `change`, `replay` and `delete` them."""
        from eventstore_client.durable_subscriptions import AsyncDurableSubscriptions

        return AsyncDurableSubscriptions(self._rest)

    @property
    def dead_letters(self) -> AsyncDeadLetters:
        """The streams that durable subscriptions have parked: `list`, `get`, `redrive` and `purge` them."""
        from eventstore_client.dead_letters import AsyncDeadLetters

        return AsyncDeadLetters(self._rest)

    @property
    def filters(self) -> AsyncNamedFilters:
        """The filters that the hub keeps under a name: `list`, `get`, `put` and `delete` them."""
        from eventstore_client.named_filters import AsyncNamedFilters

        return AsyncNamedFilters(self._rest)

    @property
    def schemas(self) -> AsyncEventSchemas:
        """The schemas of event types: `list`, `get`, `put` and `delete` them."""
        from eventstore_client.event_schemas import AsyncEventSchemas

        return AsyncEventSchemas(self._rest)

    @property
    def open_connections(self) -> AsyncConnections:
        """The connections of the hub's clients: `list` and `close` them."""
        from eventstore_client.open_connections import AsyncConnections

        return AsyncConnections(self._rest)

    async def aclose(self) -> None:
        """Close the idle connections, and end the threads when their requests are complete."""
        self._transport.close()
        self._threads.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def _make_io(self) -> Io:
        self._threads = AsyncIo(self.connections)
        return self._threads
