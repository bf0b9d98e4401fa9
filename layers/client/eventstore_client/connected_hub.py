"""A hub and the connections to it: what an `EventStore` is made of beside the calls for events."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, Any, Self

from eventstore_client.backoff import Backoff
from eventstore_client.credentials import from_environment
from eventstore_client.events import random_id
from eventstore_client.rest import Rest
from eventstore_client.transport import Transport, checked_url, private_url, websocket_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from eventstore_client.credentials import Credentials
    from eventstore_client.dead_letters import DeadLetters
    from eventstore_client.durable_subscriptions import DurableSubscriptions
    from eventstore_client.event_schemas import EventSchemas
    from eventstore_client.named_filters import NamedFilters
    from eventstore_client.open_connections import Connections
    from eventstore_client.statistics import Stats
    from eventstore_client.streams import Streams

__all__ = ["DEFAULT_URL", "ConnectedHub"]

# ruff: noqa: PLC0415 - what administers a hub is imported when it is used: most programs only publish and read

DEFAULT_URL = "http://127.0.0.1:8081"
"""The address at which `make dev` listens."""


@dataclass(slots=True)
class ConnectedHub:
    """A connection pool to one hub, and the calls that administer it; see `EventStore` for the attributes."""

    url: str | None = None
    connections: int = field(default=8, kw_only=True)
    backoff: Backoff = field(default=Backoff(), kw_only=True)
    websocket_url: str | None = field(default=None, kw_only=True)
    credentials: Credentials | None = field(default=None, kw_only=True)
    new_id: Callable[[], str] = field(default=random_id, kw_only=True, repr=False)
    _transport: Transport = field(init=False, repr=False)
    _rest: Rest = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.url is None and self.websocket_url is None:
            self.websocket_url = os.environ.get("EVENTSTORE_WEBSOCKET_URL") or None
        self.url = checked_url(self.url or os.environ.get("EVENTSTORE_URL") or DEFAULT_URL)
        if self.credentials is None:
            self.credentials = from_environment()
        self._transport = Transport(private_url(self.url, self.credentials), self.connections, self.credentials)
        self._rest = Rest(self._transport, self.backoff)

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

    def stats(self) -> Stats:
        """Return what the store holds, and how far durable subscriptions are."""
        from eventstore_client.statistics import STATS

        return self._rest.call(STATS)

    def stream(self, stream: str) -> Mapping[str, Any]:
        """Return the hub's description of a stream: head, first, count, bytes, times, retention and labels.

        Raises:
            NotFound: The stream does not exist.
        """
        return self._rest.stream(stream)

    def health(self) -> Mapping[str, Any]:
        """Return the hub's current health. The request is not retried.

        Raises:
            Unavailable: The hub responds, and cannot work.
        """
        return self._rest.health()

    def close(self) -> None:
        """Close the idle connections. Calls in progress complete."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _live_backoff(self, patience: float | None) -> Backoff:
        return replace(self.backoff, patience=inf if patience is None else patience)

    def _live_url(self) -> str:
        return private_url(websocket_url(self.websocket_url, url=str(self.url)), self.credentials)
