"""A hub and the connections to it: what both faces of the client are made of beside the calls for events."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, Any

from eventstore_client.backoff import Backoff
from eventstore_client.calls import Call, json_object, path_of
from eventstore_client.credentials import from_environment
from eventstore_client.errors import ConnectFailed
from eventstore_client.events import random_id
from eventstore_client.operations import request
from eventstore_client.rest import Rest
from eventstore_client.transport import Transport, checked_url, is_grpc, private_url, websocket_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eventstore_client.blocking import Io
    from eventstore_client.credentials import Credentials
    from eventstore_client.statistics import Stats
    from eventstore_client.tracing import Tracing
    from eventstore_client.transport import Carrier

__all__ = ["DEFAULT_URL", "ConnectedHub"]

# ruff: noqa: PLC0415 - what administers a hub is imported when it is used: most programs only publish and read

DEFAULT_URL = "http://127.0.0.1:8081"
"""The address at which `make dev` listens."""


@dataclass(slots=True)
class ConnectedHub:
    """The addresses, the credentials and the connections of one hub; see `EventStore` for the attributes."""

    url: str | None = None
    connections: int = field(default=8, kw_only=True)
    backoff: Backoff = field(default=Backoff(), kw_only=True)
    websocket_url: str | None = field(default=None, kw_only=True)
    credentials: Credentials | None = field(default=None, kw_only=True)
    new_id: Callable[[], str] = field(default=random_id, kw_only=True, repr=False)
    tracing: Tracing | None = field(default=None, kw_only=True)
    _transport: Carrier = field(init=False, repr=False)
    _rest: Rest = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.url is None and self.websocket_url is None:
            self.websocket_url = os.environ.get("EVENTSTORE_WEBSOCKET_URL") or None
        self.url = checked_url(self.url or os.environ.get("EVENTSTORE_URL") or DEFAULT_URL)
        if self.credentials is None:
            self.credentials = from_environment()
        self._transport = self._make_transport(private_url(self.url, self.credentials))
        self._rest = Rest(self._transport, self.backoff, self._make_io())

    @request
    def stats(self) -> Call[Stats]:
        """Return what the store holds, and how far durable subscriptions are."""
        from eventstore_client.statistics import STATS

        return STATS

    @request
    def stream(self, stream: str) -> Call[Mapping[str, Any]]:
        """Return the hub's description of a stream: head, first, count, bytes, times, retention and labels.

        Raises:
            NotFound: The stream does not exist.
        """
        return Call(method="GET", path=path_of("streams", stream), parse=json_object)

    @request
    def health(self) -> Call[Mapping[str, Any]]:
        """Return the hub's current health. The request is not retried.

        Raises:
            Unavailable: The hub responds, and cannot work.
        """
        return Call(method="GET", path="/health", parse=json_object, is_retried=False)

    def _make_io(self) -> Io:
        raise NotImplementedError

    def _make_transport(self, url: str) -> Carrier:
        if not is_grpc(url):
            return Transport(url, self.connections, self.credentials)
        try:
            from eventstore_client.grpc.transport import GrpcTransport
        except ImportError as error:
            raise ConnectFailed(
                f"{url} needs the extra `grpc`: pip install 'flunq-eventstore-client[grpc]' ({error})"
            ) from error
        return GrpcTransport(url, self.credentials)

    def _live_backoff(self, patience: float | None) -> Backoff:
        return replace(self.backoff, patience=inf if patience is None else patience)

    def _live_url(self) -> str:
        return private_url(websocket_url(self.websocket_url, url=str(self.url)), self.credentials)
