"""Live events of the connections that follow one another, and the position among them. Both faces share it."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from eventstore_client.backoff import Attempts
from eventstore_client.blocking import Io
from eventstore_client.errors import ConnectFailed, HistoryLost, Unavailable
from eventstore_client.frames import Cursors
from eventstore_client.losses import completed
from eventstore_client.messages import Frame
from eventstore_client.processes import Process
from eventstore_client.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore_client.backoff import Backoff
    from eventstore_client.credentials import Credentials
    from eventstore_client.datarefs import DataFetcher
    from eventstore_client.link import Link
    from eventstore_client.losses import Loss
    from eventstore_client.messages import Request, Subscribed
    from eventstore_client.recorded import Recorded

__all__ = ["Feed", "FeedClosed", "FeedIo", "FeedOptions"]

_log = logging.getLogger("eventstore_client")


class FeedClosed(Exception):
    """The subscription was closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOptions:
    """What a subscription follows, and how.

    Attributes:
        url: The hub's WebSocket address.
        request: The filters, streams and start.
        cursor: The position to resume from; None to start as `request` says.
        backoff: How, and for how long, connecting is retried.
        ping_every: Seconds between pings.
        on_loss: Accepts a loss; without it, iterating raises `HistoryLost`.
        credentials: The credentials of the connection; None if there are none.
        fetch_data: Adds the data to an event that came without them; None leaves such events as they are.
    """

    url: str
    request: Request
    cursor: str | None
    backoff: Backoff
    ping_every: float
    on_loss: Callable[[Loss], object] | None
    credentials: Credentials | None = None
    fetch_data: DataFetcher | None = None


class FeedIo(Io, Protocol):
    """How a face waits. `sleep` raises `FeedClosed` when the subscription is closed."""

    @property
    def is_closed(self) -> bool:
        """Whether the subscription was closed."""
        ...

    async def connect(self, options: FeedOptions) -> Link:
        """Open a connection; see `Connection`."""
        ...


class Feed:
    """The events of a subscription, over any number of connections, and its position.

    If `next` is cancelled, no event is lost: the next call continues.
    """

    def __init__(self, options: FeedOptions, io: FeedIo) -> None:
        self._options = options
        self._io = io
        self._process = Process()
        self._cursors = Cursors(options.cursor)
        self._attempts = Attempts(options.backoff, "the subscription", quiet=0.0)
        self._session: Session | None = None
        # The message received and not started, the message started, and its events that are not delivered yet.
        self._next: Subscribed | Frame | None = None
        self._current: Subscribed | Frame | None = None
        self._events: deque[Recorded] = deque()

    @property
    def cursor(self) -> str:
        """The position behind the last message of which all events are handled."""
        return str(self._cursors)

    def handled(self) -> str:
        """Count the last event as handled before the next is requested, and return the new `cursor`."""
        if self._current is not None and not self._events:
            self._cursors = self._cursors.behind(self._current)
            self._current = None
        return self.cursor

    async def open(self) -> None:
        """Return when the hub has confirmed the subscription. Raises as `next` does, except for losses."""
        self._next = await self._receive()
        if self._next.loss is None:
            await self._begin()
            self.handled()

    def take(self) -> Recorded | None:
        """Return the next event if it was received and is complete; None if `next` must be called instead.

        This is the path of nearly all events, so that it does no more than it must. The event before counts as handled
        by `next`, which is called when a frame is used up.
        """
        if not self._events or self._io.is_closed or not self._process.is_this:
            return None
        if self._options.fetch_data is not None and self._events[0].is_reference:
            return None
        return self._events.popleft()

    async def next(self) -> Recorded:
        """Wait for the next event, and return it. The event before it counts as handled.

        Raises:
            FeedClosed: The subscription was closed.
            ClientError: See `Subscription`.
        """
        self._process.check("the subscription")
        self.handled()
        while not self._events:
            if self._next is None:
                self._next = await self._receive()
            await self._begin()
            if not self._events:
                self.handled()
        if self._io.is_closed:
            raise FeedClosed
        event = self._events[0]
        fetch_data = self._options.fetch_data
        if fetch_data is not None and fetch_data.applies_to(event):
            event = await self._options.backoff.retry(lambda: fetch_data(self._events[0]), self._io)
        self._events.popleft()
        return event

    async def disconnect(self) -> None:
        """Close the connection, if there is one. In a forked process, do nothing."""
        session, self._session = self._session, None
        if session is not None:
            await session.link.close()

    async def _begin(self) -> None:
        """Start the message received, unless it reports a loss that is not accepted. Then it remains the next one."""
        if (message := self._next) is None:
            return
        if message.loss is not None:
            if self._options.on_loss is None:
                raise HistoryLost(message.loss, cursor=str(self._cursors.behind(message)))
            await completed(self._options.on_loss(message.loss))
        self._next, self._current = None, message
        self._events.extend(getattr(message, "events", ()))

    async def _receive(self) -> Subscribed | Frame:
        while True:
            try:
                if self._io.is_closed:
                    raise FeedClosed
                session = self._session or await self._connect()
                message = await session.receive()
            except (ConnectFailed, Unavailable) as error:
                await self.disconnect()
                if self._io.is_closed:
                    raise FeedClosed from None
                await self._io.sleep(self._attempts.pause_after(error))
            except Exception:
                await self.disconnect()
                raise
            else:
                if isinstance(message, Frame):
                    # A confirmation does not reset the attempts: a hub that confirms subscriptions and then drops them
                    # gets longer and longer pauses.
                    self._attempts.succeeded()
                else:
                    _log.info("the subscription is confirmed by %s", self._options.url)
                return message

    async def _connect(self) -> Session:
        """Connect, and send the request. A connection without its request is closed."""
        link = await self._io.connect(self._options)
        try:
            self._session = session = Session(link)
            # A face that closes sets its flag before it closes the connection, so that this check or the face ends it.
            if self._io.is_closed:
                raise FeedClosed
            await link.send(self._options.request.message(self._cursors.all()))
        except BaseException:
            await self.disconnect()
            raise
        return session
