"""`Subscription`: an iterator of live events that reconnects and resumes by itself."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self, TypeVar

from eventstore_client.blocking import finish
from eventstore_client.feed import Feed, FeedClosed

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from eventstore_client.feed import FeedOptions
    from eventstore_client.link import Link
    from eventstore_client.recorded import Recorded

__all__ = ["Subscription"]

Result = TypeVar("Result")


class Subscription:
    """An iterator of live events, which ends only when it is closed. It is a context manager.

    Every matching event is delivered at least once, those of a stream in the order of their sequences; there is no
    order between streams. A connection that is lost, does not answer a ping or loses a frame is replaced by a new one,
    which resumes from `cursor`. The loop continues without an error, and the log reports it. One thread iterates; any
    thread may close. A subscription belongs to the process that created it: a forked child creates its own, from
    `cursor`.

    Args:
        options: What it follows, and how.

    Iterating raises:
        HistoryLost: Events were removed; see `EventStore.subscribe`.
        Gone: A stream of the subscription was deleted permanently.
        ConnectFailed, Unavailable: The hub was unreachable for longer than `patience`. Iterating again continues.
        WrongProcess: The subscription was created before this process was forked.
        Denied, NoCredentials: The hub rejects the credentials, or they are not available.
        ProblemError: The hub ended the subscription.
        UnexpectedAnswer: The response is not from a hub.
    """

    def __init__(self, options: FeedOptions) -> None:
        """Return when the hub has confirmed the subscription. Raises as iterating does, except for losses."""
        self._io = _FeedIo()
        self._feed = Feed(options, self._io)
        try:
            finish(self._feed.open())
        except BaseException:
            finish(self._feed.disconnect())
            raise

    @property
    def cursor(self) -> str:
        """The position to resume from, by `EventStore.subscribe`, at any time.

        It advances when all events of a frame are handled. An event counts as handled when the next one is requested. A
        program that saves the cursor after each event misses nothing; when it resumes, it may receive the events of
        one frame, at most 100, again.
        """
        return self._feed.cursor

    def handled(self) -> str:
        """Count the last event as handled before the next is requested, and return the new `cursor`."""
        return self._feed.handled()

    def close(self) -> None:
        """End the iteration immediately, also in another thread. Events not delivered yet are dropped."""
        self._io.is_closed = True
        self._io.closed.set()
        finish(self._feed.disconnect())

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Recorded:
        if (event := self._feed.take()) is not None:
            return event
        try:
            return finish(self._feed.next())
        except FeedClosed:
            raise StopIteration from None
        except Exception:
            raise
        except BaseException:
            # An interrupt may have come while a message was being read.
            finish(self._feed.disconnect())
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class _FeedIo:
    """Blocks the thread that iterates; closing wakes it up."""

    def __init__(self) -> None:
        self.closed = threading.Event()
        self.is_closed = False

    async def run(self, action: Callable[[], Result]) -> Result:
        return action()

    async def sleep(self, seconds: float) -> None:
        if self.closed.wait(seconds):
            raise FeedClosed

    async def connect(self, options: FeedOptions) -> Link:
        # `websockets` takes a tenth of a cold start, so that it is imported only for live events.
        from eventstore_client.connection import open_socket  # noqa: PLC0415 - see above
        from eventstore_client.link import Link  # noqa: PLC0415

        socket = open_socket(options.url, options.credentials)
        return Link(socket, options.url, ping_every=options.ping_every)
