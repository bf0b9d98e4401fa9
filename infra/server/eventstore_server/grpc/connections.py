"""Calls that subscribe count as connections: registered with the instance and in the store, and removed from both."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from eventstore.subscriptions import GRPC, Connection
from eventstore_server.grpc.feed import Feed
from eventstore_server.grpc.statuses import SessionClosed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from eventstore.subscriptions import ConnectionId
    from eventstore_server.grpc.call import Call
    from eventstore_server.grpc.frames import FrameEncoder
    from eventstore_server.metrics.catalogue import ServerMetrics
    from eventstore_server.sessions import Sessions

__all__ = ["Connections"]

_LOGGER = logging.getLogger(__name__)


class Connections:
    """The calls of this door that count as connections.

    Args:
        sessions: The sessions of the instance.
        buffer_bytes: The bytes of frames that may wait for one client.
        drained: Called when a congested client has read what it was sent, with its connection.
        metrics: Counts connections and frames.
    """

    def __init__(
        self,
        sessions: Sessions,
        *,
        buffer_bytes: int,
        drained: Callable[[ConnectionId], None],
        metrics: ServerMetrics,
    ) -> None:
        self._sessions = sessions
        self._buffer_bytes = buffer_bytes
        self._drained = drained
        self._metrics = metrics
        self._counts = metrics.frame_counts(Feed.door)
        self._feeds: dict[ConnectionId, Feed] = {}
        self._closed: SessionClosed | None = None
        self._removals: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def feed(self, call: Call, encoder: FrameEncoder, *, form: int) -> AsyncIterator[Feed]:
        """Have a call be a connection while the context lasts.

        Args:
            call: The call. Its own work registers the connection in the store.
            encoder: Serializes its frames.
            form: The `EventFormat` that the client asked for.

        Raises:
            SessionClosed: `close` was called.
        """
        if self._closed is not None:
            raise self._closed
        connection = Connection(self._sessions.new_id(), GRPC, call.hub.clock.now())
        feed = Feed(
            connection,
            encoder,
            form=form,
            limit=self._buffer_bytes,
            drained=lambda: self._drained(connection.id),
            counts=self._counts,
        )
        self._sessions.add(feed)
        self._feeds[connection.id] = feed
        self._metrics.opened.add(Feed.door)
        try:
            yield feed
        finally:
            self._sessions.remove(connection.id)
            del self._feeds[connection.id]
            self._metrics.disconnects.add(Feed.door, feed.closed_by or "closed")
            # Not awaited: the call may have been cancelled.
            removal = asyncio.create_task(self._removed(call, feed))
            self._removals.add(removal)
            removal.add_done_callback(self._removals.discard)

    def close(self, code: str, detail: str) -> None:
        """Close all connections, and refuse those that come later.

        Args:
            code: Stable, for programs.
            detail: A sentence for a person.
        """
        self._closed = SessionClosed(code, detail)
        for feed in list(self._feeds.values()):
            feed.close(code, detail)

    async def removed(self) -> None:
        """Wait until the connections that ended are removed from the store."""
        while self._removals:
            await asyncio.wait(set(self._removals))

    async def _removed(self, call: Call, feed: Feed) -> None:
        # A thread of the call may register the connection right now.
        await call.settled()
        try:
            disconnect = partial(call.hub.members.disconnect, feed.connection.id, orderly=feed.was_ended_by_server)
            await call.threads.run(disconnect)
        except Exception:
            # The sweep removes the connection: it expires.
            _LOGGER.exception("the connection %s was not removed from the store", feed.connection.id)
