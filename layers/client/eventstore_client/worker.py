from __future__ import annotations

import logging
import threading
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from eventstore_client.backoff import Attempts
from eventstore_client.errors import ClientError, ConnectFailed, NotFound, Unavailable
from eventstore_client.membership import Membership
from eventstore_client.processes import Process
from eventstore_client.verdicts import Leave

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from eventstore_client.backoff import Backoff
    from eventstore_client.connection import Connection
    from eventstore_client.credentials import Credentials
    from eventstore_client.events import Recorded
    from eventstore_client.losses import Loss
    from eventstore_client.messages import Share
    from eventstore_client.ownership import Ownership

__all__ = ["Worker"]

_log = logging.getLogger("eventstore_client")

_LEAVING = 5.0
"""Seconds in which the hub answers what is said last; what it does not answer is handled again, by another member."""

_LASTING = 60.0
"""Seconds after which a connection that ends is no sign that the hub is unwell."""


class _Closed(Exception):
    """The worker was closed."""


class Worker:
    """A member of a durable subscription, which shares its events with all other members. It is a context manager, too.

    Every matching event is handled at least once or parked, those of a stream one after the other in the order of
    their sequences, whichever members handle them. A connection that breaks is replaced by another; what was not
    acknowledged by then is handled again, by this member or another.

    One thread runs it, and calls the handler; any may close it. Another thread, which the worker starts, reads the
    connection meanwhile, and tells the hub that everything received is still worked on. It belongs to the process that
    made it: a child that is forked makes one of its own.
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        backoff: Backoff,
        ping_every: float,
        alive_every: float | None,
        on_loss: Callable[[Loss], object] | None,
        credentials: Credentials | None = None,
        whole: Callable[[Recorded], Recorded] | None = None,
    ) -> None:
        self._url = url
        self._name = name
        self._ping_every = ping_every
        self._alive_every = alive_every
        self._on_loss = on_loss
        self._credentials = credentials
        self._whole = whole
        self._process = Process()
        self._closed = threading.Event()
        self._backoff = replace(backoff, sleep=self._sleep)
        self._attempts = Attempts(self._backoff, f"the worker of {name!r}", quiet=0.0)
        # A signal may come while it is held, and close.
        self._lock = threading.RLock()
        self._membership: Membership | None = None
        self._attempt = 1

    @property
    def attempt(self) -> int:
        """How often the hub has sent the event that is being handled because it failed, and once more."""
        return self._attempt

    def run(self, handler: Callable[[Recorded], object]) -> None:
        """Handle events until it is closed.

        An event is handled once the handler returns. One that raises fails: the hub sends it again later, and the rest
        of its stream after it, while all other streams go on; after as many attempts as the subscription allows, it
        is parked. `Retry` and `Park` choose which.

        A handler that runs for longer than the subscription's `ack_deadline` counts as failed, too, and the event comes
        again; if it returns after all, the event is handled. All others that were received wait for it unharmed.

        Raises:
            NotFound: There is no such subscription, or no more.
            Denied, NoCredentials: The hub does not take the credential, or there is none to show.
            HistoryLost: Events were removed before they were handled, and nobody takes losses; running again goes on.
            ConnectFailed, Unavailable: The hub stayed away for longer than the `patience` given to `work`.
            WrongProcess: It was made before this process was forked.
        """
        self._process.check(f"the worker of {self._name!r}")
        try:
            while True:
                try:
                    self._take_part(handler)
                except (ConnectFailed, Unavailable) as error:
                    if self._closed.is_set():
                        raise _Closed from None
                    self._attempts.failed(error)
        except _Closed:
            _log.info("the worker of %r has left: it was closed", self._name)
        except ClientError as error:
            _log.info("the worker of %r has left: %s", self._name, error)
            raise

    def close(self) -> None:
        """End it once the event in hand is handled; in another thread, in the handler or in a signal's handler, too.

        What was sent along with that event and is not begun comes again, to another member.
        """
        with self._lock:
            self._closed.set()
            if self._membership is not None:
                self._membership.leave()

    def wait(self, seconds: float) -> None:
        """Wait in a handler for what is no fault of the event's, such as room for the output, and keep the event.

        That time does not count towards the deadline, which begins anew behind it.

        Raises:
            Leave: The worker is closed. It is to be let through: then nothing is said of the event, and another member
                gets it.
        """
        membership = self._membership
        if membership is not None:
            membership.pause()
        if self._closed.wait(seconds):
            raise Leave
        if membership is not None:
            membership.begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process.is_this:
            self.close()

    def _take_part(self, handler: Callable[[Recorded], object]) -> None:
        # As in `Subscription`: those who only publish need not pay for importing this.
        from eventstore_client.connection import Connection  # noqa: PLC0415 - as the line above says

        if self._closed.is_set():
            raise _Closed
        clock = self._backoff.clock
        connection = Connection(self._url, ping_every=self._ping_every, credentials=self._credentials, clock=clock)
        membership = Membership(connection.send, self._name, alive_every=self._alive_every, clock=clock)
        reader = threading.Thread(
            target=self._read, args=[connection, membership], name=f"eventstore worker {self._name}", daemon=True
        )
        connected_at = clock()
        try:
            membership.join()
            _log.info("the worker of %r is connected to %s", self._name, self._url)
            reader.start()
            self._set(membership)
            self._work(membership, handler)
        except (ConnectFailed, Unavailable):
            if clock() - connected_at >= _LASTING:
                self._attempts.succeeded()
            raise
        finally:
            self._set(None)
            connection.close()
            if reader.ident is not None and self._process.is_this:
                reader.join()

    def _set(self, membership: Membership | None) -> None:
        with self._lock:
            self._membership = membership
            if membership is not None and self._closed.is_set():
                membership.leave()

    def _read(self, connection: Connection, membership: Membership) -> None:
        """Read the connection at all times, in a thread of its own."""
        try:
            while True:
                text = connection.wait(membership.tick())
                if text is not None and membership.hear(text):
                    self._attempts.succeeded()
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this part, and the other thread raises it
            membership.end(error)
            # The handler may go on for long. Other members need not wait for it; what a subscription that is deleted
            # has sent is still handled.
            if not isinstance(error, NotFound):
                connection.close()

    def _work(self, membership: Membership, handler: Callable[[Recorded], object]) -> None:
        try:
            while frame := membership.receive():
                self._handle(membership, *frame, handler)
            raise _Closed
        except _Closed:
            with suppress(ConnectFailed):
                membership.unsubscribe(within=_LEAVING)
            raise

    def _handle(
        self, membership: Membership, share: Share, ownership: Ownership, handler: Callable[[Recorded], object]
    ) -> None:
        for event, attempt in membership.events(share, ownership, self._on_loss):
            if self._closed.is_set():
                raise _Closed
            self._attempt = attempt
            completed = self._completed(event)
            membership.begin()
            try:
                handler(completed)
            except Leave:
                raise _Closed from None
            except Exception as error:  # noqa: BLE001 - whatever it is, the hub hears of it
                # A child that the handler forked has the connection of its parent.
                self._process.check(f"the worker of {self._name!r}")
                membership.failed(error)
            else:
                self._process.check(f"the worker of {self._name!r}")
                membership.handled()

    def _completed(self, event: Recorded) -> Recorded:
        # Not a failure of the handler's: an event that cannot be fetched is no reason to park its stream.
        whole = self._whole
        return self._backoff.call(lambda: whole(event)) if whole else event

    def _sleep(self, seconds: float) -> None:
        if self._closed.wait(seconds):
            raise _Closed
