"""The client's entry point, `EventStore`: publish, read, search, subscribe, work and administer a hub."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from eventstore_client.blocking import BlockingIo, finish
from eventstore_client.connected_hub import DEFAULT_URL
from eventstore_client.event_calls import EventCalls, publish_call
from eventstore_client.operations import Blocking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType

    from eventstore_client.blocking import Io
    from eventstore_client.dead_letters import DeadLetters
    from eventstore_client.durable_subscriptions import DurableSubscriptions
    from eventstore_client.event_schemas import EventSchemas
    from eventstore_client.events import Publishable, Stored
    from eventstore_client.named_filters import NamedFilters
    from eventstore_client.open_connections import Connections
    from eventstore_client.streams import Streams

__all__ = ["DEFAULT_URL", "EventStore"]

# ruff: noqa: PLC0415 - what administers a hub is imported when it is used: most programs only publish and read


@dataclass(slots=True)
class EventStore(EventCalls, Blocking):
    """A connection pool to one hub. Threads may share it; it is a context manager.

    A forked process may use its parent's `EventStore`, over connections of its own. Subscriptions and workers belong to
    the process that created them. All calls block; `AsyncEventStore` is its counterpart for an event loop.

    A request that fails because the hub is unreachable or busy is retried (`Backoff`). Retrying `publish` is safe: the
    hub stores one event per source and id, and reports it as a duplicate even if `expected` no longer holds.

    Requests and WebSockets use the proxies that HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY configure, in upper or
    lower case, unless the hub is on this machine. A proxy sees the hub's host and port, never the credentials.

    Attributes:
        url: The hub's REST address; by default EVENTSTORE_URL, else `DEFAULT_URL`. With the extra `grpc`, it may be the
            address of gRPC of a server, such as `grpc://127.0.0.1:9001` (docs/client.md, "gRPC").
        connections: The number of connections kept open; set it to the number of threads.
        backoff: How, and for how long, requests are retried. `subscribe` and `work` retry in the same way, for as long
            as their own `patience` allows.
        websocket_url: The hub's WebSocket address. If `url` comes from the environment, the default is
            EVENTSTORE_WEBSOCKET_URL. A hub such as `make dev` needs neither: the address is derived from `url`.
        credentials: `Bearer`, `ApiKey` or `AwsIam`; by default the value of EVENTSTORE_TOKEN or EVENTSTORE_API_KEY,
            and with `Anonymous` none, also if one of them is set.
            They are sent to this hub only (redirects are not followed), and only over https and wss, unless the hub is
            on this machine (localhost, 127.0.0.0/8, ::1).
        new_id: Returns the id of a published event that has none; by default, a random UUID.
        tracing: Continues traces through events: `eventstore_client.tracing.OpenTelemetry()`.

    Raises:
        ConnectFailed: `url` is not an address of HTTP or gRPC, the environment's proxy is not an HTTP proxy, or the
            extra `grpc` is not installed.
        NoCredentials: Both EVENTSTORE_TOKEN and EVENTSTORE_API_KEY are set.
        Unencrypted: There are credentials, and the address is neither encrypted nor on this machine. `subscribe` and
            `work` raise it for `websocket_url`.
    """

    def publish_all(
        self,
        events: Iterable[Publishable],
        *,
        stream: str | None = None,
        batch: int = 1_000,
        linger: float = 0.0,
        on_stored: Callable[[Sequence[Stored]], object] | None = None,
    ) -> int:
        """Store any number of events in as many requests as they need, in order, and return their number.

        Each request is stored like one `publish`: all or none of its events of each stream. The requests before one
        that fails are stored. Events that have ids of their own can be passed again: each is stored once.

        The next events are taken from the iterable while a request is in progress. If the iterable raises an exception,
        the events before it are stored.

        Args:
            events: The events in order, 256 KiB each; it may be a generator without an end.
            stream: As for `publish`.
            batch: The greatest number of events per request, 1 to 1,000. A request has at most 512 KiB.
            linger: Seconds to wait for further events before a request that is not full is sent. By default, it is sent
                when the one before it is complete.
            on_stored: Called with the positions of the events of each request, in another thread.

        Raises:
            EventConflict, Invalid: As for `publish`. The error of a request is raised when the next event is taken, or
                at the end.
        """
        from eventstore_client.batches import BatchPublisher

        if isinstance(events, str | bytes | dict):
            raise TypeError("publish_all() expects an iterable of events; wrap a single event in a list")

        def send(texts: Sequence[str]) -> Sequence[Stored]:
            return finish(self._rest.call(publish_call(texts, stream=stream)))

        with BatchPublisher(send, batch=batch, linger=linger, on_stored=on_stored) as publisher:
            for event in events:
                publisher.put(self._encode(event))
        return publisher.stored

    @property
    def streams(self) -> Streams:
        """The streams: `list`, `get`, `create`, `change` and `delete` them."""
        from eventstore_client.streams import Streams

        return Streams(self._rest)

    @property
    def subscriptions(self) -> DurableSubscriptions:
        """The durable subscriptions: `list`, `get`, `create`, `change`, `replay` and `delete` them."""
        from eventstore_client.durable_subscriptions import DurableSubscriptions

        return DurableSubscriptions(self._rest)

    @property
    def dead_letters(self) -> DeadLetters:
        """The streams that durable subscriptions have parked: `list`, `get`, `redrive` and `purge` them."""
        from eventstore_client.dead_letters import DeadLetters

        return DeadLetters(self._rest)

    @property
    def filters(self) -> NamedFilters:
        """The filters that the hub keeps under a name: `list`, `get`, `put` and `delete` them."""
        from eventstore_client.named_filters import NamedFilters

        return NamedFilters(self._rest)

    @property
    def schemas(self) -> EventSchemas:
        """The schemas of event types: `list`, `get`, `put` and `delete` them."""
        from eventstore_client.event_schemas import EventSchemas

        return EventSchemas(self._rest)

    @property
    def open_connections(self) -> Connections:
        """The connections of the hub's clients: `list` and `close` them."""
        from eventstore_client.open_connections import Connections

        return Connections(self._rest)

    def close(self) -> None:
        """Close the idle connections. Calls in progress complete."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _make_io(self) -> Io:
        return BlockingIo(self.backoff.sleep)
