"""The clients that are connected to this instance, over any door."""

from __future__ import annotations

import time
from collections import Counter
from threading import Event
from typing import TYPE_CHECKING, Protocol

from eventstore.live.instance_connections import new_connection_id
from eventstore_server.recent_connections import RecentConnections

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from eventstore.frames.frame import Address, Part
    from eventstore.ports.instances import InstanceId
    from eventstore.subscriptions import Connection, ConnectionId

__all__ = ["GOING_AWAY", "SLOW_CONSUMER", "STOPPING", "STORE_RESET", "Session", "Sessions"]

GOING_AWAY, STORE_RESET, SLOW_CONSUMER = "going-away", "store-reset", "slow-consumer"
"""The codes of the reasons for which an instance ends sessions, over every door."""

STOPPING = "the server stops; connect again and resume from your cursors"
"""What clients read when an instance that stops ends their sessions."""

_ENDING_SECONDS = 10.0
"""For how many seconds after the end of a session its connection may still be sent to."""

_DELIVERED_WITHIN = 30.0
"""Seconds within which the event loop hands over what it was posted; it never takes so long unless it ends."""


class Session(Protocol):
    """A client that is connected to this instance. All methods are called on the thread of the event loop.

    Attributes:
        connection: Its connection.
        door: What it is connected by, `websocket` or `grpc`.
    """

    connection: Connection
    door: str

    @property
    def sent_bytes(self) -> int:
        """The bytes of messages that were sent to the client so far."""

    @property
    def waiting_bytes(self) -> int:
        """The bytes that wait for the client to read them."""

    @property
    def is_congested(self) -> bool:
        """Whether the client has yet to read much of what it was sent."""

    def deliver(self, part: Part, to: Address) -> None:
        """Send a part to the client, after all that was delivered before. It never blocks.

        A client that does not read is disconnected once its buffer is full.

        Args:
            part: The part.
            to: The client's subscription, one of those in `part.to`.
        """

    def close(self, code: str, detail: str) -> None:
        """Disconnect the client.

        Args:
            code: The stable code of the reason.
            detail: The reason.
        """


class Sessions:
    """The sessions of this instance by the ids of their connections.

    Args:
        instance: The id of this instance, which the ids of its connections name.
        loop: The event loop that the sessions belong to.

    Attributes:
        is_away: Whether the other instances take this one for dead. Then nothing is delivered: members elsewhere have
            the partitions of those that are connected here, who connect again.
        gone: Called with the connections that something was to be delivered to, and that ended a while ago.
    """

    def __init__(self, instance: InstanceId, loop: asyncio.AbstractEventLoop) -> None:
        self.instance = instance
        self._loop = loop
        self._sessions: dict[ConnectionId, Session] = {}
        self.is_away: Callable[[], bool] = lambda: False
        self.gone: Callable[[Iterable[ConnectionId]], None] = lambda _: None
        # Of sessions that were removed: whoever removed them is about to remove their connections.
        self._removed = RecentConnections()
        self._steps: dict[int, Event] = {}
        # Of sessions that were removed, by door.
        self._sent_bytes: Counter[str] = Counter()

    def new_id(self) -> ConnectionId:
        """Draw the id of a connection."""
        return new_connection_id(self.instance)

    def add(self, session: Session) -> None:
        """Add a session, before its connection is registered."""
        self._sessions[session.connection.id] = session

    def remove(self, connection_id: ConnectionId) -> None:
        """Remove a session. Repeating the call changes nothing."""
        session = self._sessions.pop(connection_id, None)
        if session is not None:
            self._removed.add(connection_id, now=time.monotonic())
            self._sent_bytes[session.door] += session.sent_bytes

    def get(self, connection_id: ConnectionId) -> Session | None:
        """Return the session of a connection; None if there is none."""
        return self._sessions.get(connection_id)

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._sessions.values()))

    def sent_bytes(self) -> Mapping[str, int]:
        """Return how many bytes of messages were sent to clients so far, by door."""
        total = self._sent_bytes.copy()
        for session in self:
            total[session.door] += session.sent_bytes
        return total

    def is_congested(self, connection_id: ConnectionId) -> bool:
        """Whether a session is congested. Any thread may ask."""
        session = self._sessions.get(connection_id)
        return session is not None and session.is_congested

    def post(self, parts: Iterable[Part]) -> None:
        """Deliver parts soon, after all that was posted before. Any thread may call it."""
        self._loop.call_soon_threadsafe(self._deliver, parts)

    def post_in_step(self, partition: int, parts: Iterable[Part]) -> None:
        """Deliver parts soon, and return once the sessions have what was posted so before for the same partition.

        So the caller is at most one post ahead of what the sessions know. One thread at a time calls it for a
        partition, and never that of the event loop.
        """
        before, delivered = self._steps.get(partition), Event()
        self._steps[partition] = delivered

        def deliver() -> None:
            self._deliver(parts)
            delivered.set()

        self._loop.call_soon_threadsafe(deliver)
        if before is not None:
            before.wait(_DELIVERED_WITHIN)

    def after_posts(self, call: Callable[[], None]) -> None:
        """Call something on the thread of the event loop, after all that was posted before. Any thread may call it."""
        self._loop.call_soon_threadsafe(call)

    def close_soon(self, connection_ids: Mapping[ConnectionId, None], *, code: str, detail: str) -> None:
        """Disconnect clients. Any thread may call it."""

        def close() -> None:
            for connection_id in connection_ids:
                if (session := self._sessions.get(connection_id)) is not None:
                    session.close(code, detail)

        self._loop.call_soon_threadsafe(close)

    def close_all(self, *, code: str, detail: str) -> None:
        """Disconnect all clients, and return once they are. Any thread but that of the event loop may call it.

        An instance that was away calls it while it still counts as away: what was posted before is dropped.
        """
        closed = Event()
        self.close_soon(dict.fromkeys(session.connection.id for session in self), code=code, detail=detail)
        self.after_posts(closed.set)
        closed.wait(_DELIVERED_WITHIN)

    def _deliver(self, parts: Iterable[Part]) -> None:
        if self.is_away():
            return
        sessions = self._sessions
        without_session: list[ConnectionId] = []
        for part in parts:
            for address in part.to:
                session = sessions.get(address.connection)
                if session is not None:
                    session.deliver(part, address)
                else:
                    without_session.append(address.connection)
        if without_session:
            self._report_gone(without_session)

    def _report_gone(self, connections: Sequence[ConnectionId]) -> None:
        self._removed.forget(until=time.monotonic() - _ENDING_SECONDS)
        if gone := [connection for connection in connections if connection not in self._removed]:
            self.gone(gone)
