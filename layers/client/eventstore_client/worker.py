from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from eventstore_client.backoff import Attempts
from eventstore_client.errors import ConnectFailed, Unavailable
from eventstore_client.membership import Membership

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from eventstore_client.backoff import Backoff
    from eventstore_client.credentials import Credentials
    from eventstore_client.events import Recorded
    from eventstore_client.losses import Loss
    from eventstore_client.messages import Share

__all__ = ["Worker"]


class _Closed(Exception):
    """The worker was closed."""


class Worker:
    """A member of a durable subscription, which shares its events with all other members. It is a context manager, too.

    Every matching event is handled at least once or parked, those of a stream one after the other in the order of
    their sequences, whichever members handle them. A connection that breaks is replaced by another; what was not
    acknowledged by then is handled again, by this member or another. One thread runs it, any may close it.
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        backoff: Backoff,
        ping_every: float,
        alive_every: float,
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
        self._closed = threading.Event()
        self._backoff = replace(backoff, sleep=self._pause)
        self._attempts = Attempts(self._backoff)
        self._lock = threading.Lock()
        # The membership while it waits for the hub: to close it then interrupts nothing.
        self._waiting: Membership | None = None
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

        Raises:
            NotFound: There is no such subscription, or no more.
            Denied, NoCredentials: The hub does not take the credential, or there is none to show.
            HistoryLost: Events were removed before they were handled, and nobody takes losses; running again goes on.
            ConnectFailed, Unavailable: The hub stayed away for as long as the backoff's patience.
        """
        try:
            while True:
                try:
                    self._take_part(handler)
                except (ConnectFailed, Unavailable) as error:
                    if self._closed.is_set():
                        raise _Closed from None
                    self._attempts.failed(error)
        except _Closed:
            return

    def close(self) -> None:
        """End it once the event in hand is handled, in another thread too.

        What was sent along with that event comes again, to another member.
        """
        with self._lock:
            self._closed.set()
            if self._waiting is not None:
                self._waiting.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _take_part(self, handler: Callable[[Recorded], object]) -> None:
        # As in `Subscription`: those who only publish need not pay for importing this.
        from eventstore_client.connection import Connection  # noqa: PLC0415 - as the line above says

        if self._closed.is_set():
            raise _Closed
        connection = Connection(self._url, ping_every=self._ping_every, credentials=self._credentials)
        try:
            membership = Membership(connection, self._name, alive_every=self._alive_every)
            while True:
                if share := self._received(membership):
                    self._handle(membership, share, handler)
        finally:
            connection.close()

    def _received(self, membership: Membership) -> Share | None:
        with self._lock:
            if self._closed.is_set():
                raise _Closed
            self._waiting = membership
        try:
            share = membership.receive()
        finally:
            with self._lock:
                self._waiting = None
        self._attempts.succeeded()
        return share

    def _handle(self, membership: Membership, share: Share, handler: Callable[[Recorded], object]) -> None:
        for event, attempt in membership.take(share, self._on_loss):
            if self._closed.is_set():
                raise _Closed
            self._attempt = attempt
            completed = self._completed(event)
            try:
                handler(completed)
            except Exception as error:  # noqa: BLE001 - whatever it is, the hub is told
                membership.fail(share, event, error)

    def _completed(self, event: Recorded) -> Recorded:
        # Not a failure of the handler's: an event that cannot be fetched is no reason to park its stream.
        whole = self._whole
        return self._backoff.call(lambda: whole(event)) if whole else event

    def _pause(self, seconds: float) -> None:
        if self._closed.wait(seconds):
            raise _Closed
