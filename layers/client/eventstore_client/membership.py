"""A member of a durable subscription that threads share."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from eventstore_client.blocking import SIGNALS_SEEN_WITHIN
from eventstore_client.errors import ConnectFailed
from eventstore_client.member import Member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from eventstore_client.ownership import Delivery, OpenFrame

__all__ = ["Membership"]


class Membership:
    """A `Member` that threads share: one reads the connection, the others handle events.

    Messages are sent in the order in which they were decided, without the lock: a socket that blocks stops no other
    thread.

    Args:
        send: Sends a message over the connection. It may block.
        name: The name of the durable subscription.
        url: As for `Member`.
        alive_every: As for `Member`.
        clock: Returns monotonic time in seconds.
    """

    def __init__(
        self,
        send: Callable[[Mapping[str, Any]], None],
        name: str,
        *,
        url: str,
        alive_every: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send = send
        self._member = Member(name, url=url, alive_every=alive_every, clock=clock)
        # Guards the member. One waiting thread is notified when there may be an event for it; if it finds one, it
        # notifies the next. All are notified when the membership ends.
        self._changed = threading.Condition()
        self._send_lock = threading.Lock()

    def join(self) -> None:
        """Send the request to join the durable subscription.

        Raises:
            ConnectFailed: The connection was lost.
        """
        self._member.join()
        self._flush()

    def accept(self, text: str) -> bool:
        """Process a message of the hub; see `Member.accept`."""
        with self._changed:
            is_frame = self._member.accept(text)
            self._changed.notify()
        self._flush()
        return is_frame

    def tick(self) -> float:
        """Apply the timeouts that are due, and return the seconds until the next may be due.

        Raises:
            ConnectFailed: The connection was lost.
        """
        with self._changed:
            due = self._member.tick()
        self._flush()
        return due

    def end(self, error: BaseException) -> None:
        """End the membership because of an error, which the threads that handle events raise."""
        with self._changed:
            self._member.end(error)
            self._changed.notify_all()

    def leave(self) -> None:
        """Make `receive` return None. Any thread may call it."""
        with self._changed:
            self._member.is_leaving = True
            self._changed.notify_all()

    def unsubscribe(self, *, within: float) -> None:
        """Acknowledge the events that were handled, and leave the durable subscription.

        Args:
            within: Seconds to wait for the hub's confirmation. Events whose acknowledgement it does not confirm may be
                redelivered.

        Raises:
            ConnectFailed: The connection was lost.
        """
        with self._changed:
            self._member.acknowledge_unfinished()
        self._wait_for_confirmation(within)
        with self._changed:
            self._member.unsubscribe()
        self._wait_for_confirmation(within)

    def receive(self) -> Delivery | OpenFrame | None:
        """Wait for the next event to handle, or a frame that reports a loss, and return it.

        Returns:
            None after `leave`.

        Raises:
            ConnectFailed: The connection was lost; the events that wait are redelivered.
            ProblemError: The hub ended the membership.
        """
        while True:
            with self._changed:
                if self._member.is_leaving:
                    return None
                found = self._member.next()
                if found is not None:
                    self._changed.notify()
                # An event that must not be handled may have been acknowledged instead. A thread that sends sends that.
                if found is None and (self._send_lock.locked() or not self._member.has_messages):
                    self._changed.wait(SIGNALS_SEEN_WITHIN)
                    continue
            self._flush()
            if found is not None:
                return found

    def accept_loss(self) -> None:
        """Continue after a frame that reports a loss."""
        with self._sending():
            self._member.accept_loss()

    def begin(self, delivery: Delivery) -> None:
        """Start the deadline of an event: its handler runs."""
        with self._changed:
            self._member.begin(delivery)

    def pause(self, delivery: Delivery) -> None:
        """Stop the deadline of an event while its handler waits for something else; `begin` restarts it."""
        with self._changed:
            self._member.pause(delivery)

    def handled(self, delivery: Delivery) -> None:
        """Acknowledge an event: its handler returned.

        Raises:
            ConnectFailed: The connection was lost.
        """
        with self._sending():
            self._member.handled(delivery)

    def left(self, delivery: Delivery) -> None:
        """Give up an event, because the member leaves; see `Member.left`."""
        with self._changed:
            self._member.left(delivery)

    def failed(self, delivery: Delivery, error: Exception) -> None:
        """Send a nack for an event: its handler raised an exception; see `Member.failed`.

        Raises:
            ConnectFailed: The connection was lost.
        """
        reason = self._member.log_failure(delivery, error)
        with self._sending():
            self._member.failed(delivery, error, reason)

    @contextmanager
    def _sending(self) -> Iterator[None]:
        with self._changed:
            yield
        self._flush()

    def _wait_for_confirmation(self, within: float) -> None:
        self._flush()
        with self._changed:
            self._changed.wait_for(lambda: self._member.error or self._member.is_confirmed, timeout=within)

    def _flush(self) -> None:
        """Send the queued messages, unless another thread does: it sends these, too."""
        try:
            # The outer loop looks again: while this thread held the lock, others may have left messages to it.
            while self._member.has_messages and self._send_lock.acquire(blocking=False):
                try:
                    while message := self._member.message():
                        self._send(message)
                finally:
                    self._send_lock.release()
        except ConnectFailed:
            # The error that ended the membership is the cause of this one.
            if self._member.error is not None:
                raise self._member.error from None
            raise
