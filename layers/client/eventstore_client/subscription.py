"""`Subscription`: an iterator of live events that reconnects and resumes by itself."""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from eventstore_client.backoff import Attempts
from eventstore_client.errors import ConnectFailed, HistoryLost, Unavailable
from eventstore_client.frames import Cursors
from eventstore_client.processes import Process
from eventstore_client.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from eventstore_client.backoff import Backoff
    from eventstore_client.credentials import Credentials
    from eventstore_client.events import Recorded
    from eventstore_client.losses import Loss
    from eventstore_client.messages import Frame, Request, Subscribed

__all__ = ["Subscription"]

_log = logging.getLogger("eventstore_client")


class _Closed(Exception):
    """The subscription was closed."""


class Subscription:
    """An iterator of live events, which ends only when it is closed. It is a context manager.

    Every matching event is delivered at least once, those of a stream in the order of their sequences; there is no
    order between streams. A connection that is lost, does not answer a ping or loses a frame is replaced by a new one,
    which resumes from `cursor`. The loop continues without an error, and the log reports it. One thread iterates; any
    thread may close. A subscription belongs to the process that created it: a forked child creates its own, from
    `cursor`.

    Args:
        url: The hub's WebSocket address.
        request: The filters, streams and start.
        cursor: The position to resume from; None to start as `request` says.
        backoff: How, and for how long, connecting is retried.
        ping_every: Seconds between pings.
        on_loss: Accepts a loss; without it, iterating raises `HistoryLost`.
        credentials: The credentials of the connection; None if there are none.
        fetch_data: Adds the data to an event that came without them; None leaves such events as they are.

    Iterating raises:
        HistoryLost: Events were removed; see `EventStore.subscribe`.
        Gone: A stream of the subscription was deleted permanently.
        ConnectFailed, Unavailable: The hub was unreachable for longer than `patience`. Iterating again continues.
        WrongProcess: The subscription was created before this process was forked.
        Denied, NoCredentials: The hub rejects the credentials, or they are not available.
        ProblemError: The hub ended the subscription.
        UnexpectedAnswer: The response is not from a hub.
    """

    def __init__(
        self,
        url: str,
        request: Request,
        *,
        cursor: str | None,
        backoff: Backoff,
        ping_every: float,
        on_loss: Callable[[Loss], object] | None,
        credentials: Credentials | None = None,
        fetch_data: Callable[[Recorded], Recorded] | None = None,
    ) -> None:
        """Return when the hub has confirmed the subscription. Raises as iterating does, except for losses."""
        self._url = url
        self._request = request
        self._cursors = Cursors(cursor)
        self._ping_every = ping_every
        self._on_loss = on_loss
        self._credentials = credentials
        self._fetch_data = fetch_data
        self._process = Process()
        self._closed = threading.Event()
        self._backoff = replace(backoff, sleep=self._pause)
        self._attempts = Attempts(self._backoff, "the subscription", quiet=0.0)
        self._session: Session | None = None
        # The message received and not started, the message started, and its events that are not delivered yet.
        self._next: Subscribed | Frame | None = None
        self._current: Subscribed | Frame | None = None
        self._events: deque[Recorded] = deque()
        self._next = self._receive()
        if self._next.loss is None:
            self._begin()
            self.handled()

    @property
    def cursor(self) -> str:
        """The position to resume from, by `EventStore.subscribe`, at any time.

        It advances when all events of a frame are handled. An event counts as handled when the next one is requested. A
        program that saves the cursor after each event misses nothing; when it resumes, it may receive the events of
        one frame, at most 100, again.
        """
        return str(self._cursors)

    def handled(self) -> str:
        """Count the last event as handled before the next is requested, and return the new `cursor`."""
        if self._current is not None and not self._events:
            self._cursors = self._cursors.behind(self._current)
            self._current = None
        return self.cursor

    def close(self) -> None:
        """End the iteration immediately, also in another thread. Events not delivered yet are dropped."""
        self._closed.set()
        if (session := self._session) and self._process.is_this:
            session.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Recorded:
        self._process.check("the subscription")
        self.handled()
        try:
            while not self._events:
                if self._next is None:
                    self._next = self._receive()
                self._begin()
                if not self._events:
                    self.handled()
            if self._closed.is_set():
                raise _Closed
            event = self._complete(self._events[0])
        except _Closed:
            raise StopIteration from None
        self._events.popleft()
        return event

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self) -> None:
        """Start the message received, unless it reports a loss that is not accepted. Then it remains the next one."""
        if (message := self._next) is None:
            return
        if message.loss is not None:
            if self._on_loss is None:
                raise HistoryLost(message.loss, cursor=str(self._cursors.behind(message)))
            self._on_loss(message.loss)
        self._next, self._current = None, message
        self._events.extend(getattr(message, "events", ()))

    def _complete(self, event: Recorded) -> Recorded:
        fetch_data = self._fetch_data
        return self._backoff.call(lambda: fetch_data(event)) if fetch_data else event

    def _receive(self) -> Subscribed | Frame:
        while True:
            try:
                if self._closed.is_set():
                    raise _Closed
                if self._session is None:
                    return self._connect()
                frame = self._session.frame()
            except (ConnectFailed, Unavailable) as error:
                self._disconnect()
                if self._closed.is_set():
                    raise _Closed from None
                self._attempts.failed(error)
            except BaseException:
                self._disconnect()
                raise
            else:
                # A confirmation does not reset the attempts: a hub that confirms subscriptions and then drops them gets
                # longer and longer pauses.
                self._attempts.succeeded()
                return frame

    def _connect(self) -> Subscribed:
        # `websockets` takes a tenth of a cold start, so that it is imported only for live events.
        from eventstore_client.connection import Connection  # noqa: PLC0415 - see above

        connection = Connection(self._url, ping_every=self._ping_every, credentials=self._credentials)
        session = self._session = Session(connection)
        # `close` sets the flag before it reads the session, so that either `close` or this check ends the session.
        if self._closed.is_set():
            raise _Closed
        subscribed = session.subscribe(self._request.message(self._cursors.all()))
        _log.info("the subscription is confirmed by %s", self._url)
        return subscribed

    def _disconnect(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _pause(self, seconds: float) -> None:
        if self._closed.wait(seconds):
            raise _Closed
