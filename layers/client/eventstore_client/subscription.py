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
    """Events as they come, from an iterator that ends only when it is closed. It is a context manager, too.

    Every matching event is handed out at least once, those of a stream in the order of their sequences; between
    streams there is no order. A connection that breaks, falls silent or loses a frame is replaced by another, which
    goes on from `cursor`; the loop notices nothing, and the log says it. One thread iterates, any may close. It belongs
    to the process that made it: a child that is forked makes one of its own, from `cursor`.

    Iterating raises:
        HistoryLost: Events are gone; see `EventStore.subscribe`.
        Gone: A stream that is subscribed to was deleted for good.
        ConnectFailed, Unavailable: The hub stayed away for longer than `patience`. Iterating again goes on.
        WrongProcess: It was made before this process was forked.
        Denied, NoCredentials: The hub does not take the credential any more, or there is none to show.
        ProblemError: The hub refuses to go on.
        UnexpectedAnswer: What answers is no hub.
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
        whole: Callable[[Recorded], Recorded] | None = None,
    ) -> None:
        """Return when the hub has confirmed the subscription; raises as iterating does, but for losses."""
        self._url = url
        self._request = request
        self._cursors = Cursors(cursor)
        self._ping_every = ping_every
        self._on_loss = on_loss
        self._credentials = credentials
        self._whole = whole
        self._process = Process()
        self._closed = threading.Event()
        self._backoff = replace(backoff, sleep=self._pause)
        self._attempts = Attempts(self._backoff, "the subscription", quiet=0.0)
        self._session: Session | None = None
        # What has come and is not begun, what is begun, and which of its events are still to be handed out.
        self._next: Subscribed | Frame | None = None
        self._current: Subscribed | Frame | None = None
        self._events: deque[Recorded] = deque()
        self._next = self._received()
        if self._next.loss is None:
            self._begin()
            self.handled()

    @property
    def cursor(self) -> str:
        """Where things stand: subscribing with it goes on from here, at any time.

        It moves when all events of a frame are handled, each of which counts as handled once the next is asked for.
        So a program that keeps it after each event misses nothing, and receives the events of one frame, 100 at
        most, again when it resumes in the midst of them.
        """
        return str(self._cursors)

    def handled(self) -> str:
        """Count the event handed out last as handled before the next is asked for; the `cursor` then."""
        if self._current is not None and not self._events:
            self._cursors = self._cursors.behind(self._current)
            self._current = None
        return self.cursor

    def close(self) -> None:
        """End it: iterating ends at once, in another thread too. An event that was not handed out yet is dropped."""
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
                    self._next = self._received()
                self._begin()
                if not self._events:
                    self.handled()
            if self._closed.is_set():
                raise _Closed
            event = self._completed(self._events[0])
        except _Closed:
            raise StopIteration from None
        self._events.popleft()
        return event

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _begin(self) -> None:
        """Turn to what came, unless it tells a loss that nobody takes: then it stays, and will be told again."""
        if (coming := self._next) is None:
            return
        if coming.loss is not None:
            if self._on_loss is None:
                raise HistoryLost(coming.loss, cursor=str(self._cursors.behind(coming)))
            self._on_loss(coming.loss)
        self._next, self._current = None, coming
        self._events.extend(getattr(coming, "events", ()))

    def _completed(self, event: Recorded) -> Recorded:
        whole = self._whole
        return self._backoff.call(lambda: whole(event)) if whole else event

    def _received(self) -> Subscribed | Frame:
        while True:
            try:
                if self._closed.is_set():
                    raise _Closed
                if self._session is None:
                    return self._subscribed()
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
                # Not sooner: a hub that takes subscriptions and then drops them is asked less and less often.
                self._attempts.succeeded()
                return frame

    def _subscribed(self) -> Subscribed:
        # `websockets` is a tenth of a cold start, which those who only publish need not pay.
        from eventstore_client.connection import Connection  # noqa: PLC0415 - as the line above says

        connection = Connection(self._url, ping_every=self._ping_every, credentials=self._credentials)
        session = self._session = Session(connection)
        # `close` sets the flag before it looks for the session: one of the two sees the other.
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
