"""A member of a durable subscription on one connection: its messages, frames and events."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from eventstore_client.errors import ConnectFailed, HistoryLost, NotFound, Unavailable
from eventstore_client.messages import Answer, Joined, Share, join_request, parse_member_message
from eventstore_client.partitions import Partitions
from eventstore_client.reasons import reason_of
from eventstore_client.requests import Requests
from eventstore_client.verdicts import Park, Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from eventstore_client.events import Recorded
    from eventstore_client.losses import Loss
    from eventstore_client.ownership import Ownership

__all__ = ["Membership"]

_log = logging.getLogger("eventstore_client")


class Membership:
    """A member of a durable subscription, for as long as its connection lasts.

    Two threads share it. The reader passes on the messages of the connection and applies timeouts: `accept`, `tick` and
    `end`. The other thread handles events: `receive`, `events`, and for each event `begin`, then `handled` or `failed`.
    Frames that were received wait here, and heartbeats keep them from being redelivered, however long the handler
    takes. The number of events that wait is limited: the hub stops sending at its limit of unacknowledged events.

    The protocol is in docs/protocol.md, "Durable subscriptions".

    Args:
        send: Sends a message over the connection; both threads call it.
        name: The name of the durable subscription.
        alive_every: Seconds between heartbeats of each partition, at most a third of the deadline; None for a third of
            the deadline.
        clock: Returns monotonic time in seconds.
    """

    def __init__(
        self,
        send: Callable[[Mapping[str, Any]], None],
        name: str,
        *,
        alive_every: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._clock = clock
        # Guards the state below. Notified when the handler's thread may have something to do.
        self._changed = threading.Condition()
        self._requests = Requests(send)
        self._partitions = Partitions(name, self._requests, alive_every=alive_every, clock=clock)
        self._error: Exception | None = None
        self._leaving = False

    def join(self) -> None:
        """Send the request to join the durable subscription.

        Raises:
            ConnectFailed: The connection was lost.
        """
        self._requests.post(join_request(self._name))
        self._flush()

    def accept(self, text: str) -> bool:
        """Process a message of the hub.

        Returns:
            Whether it is a frame, which shows that the hub works.

        Raises:
            ConnectFailed: A frame was lost, or the connection was lost.
            ProblemError: The message is an error.
        """
        try:
            message = parse_member_message(text)
        except Unavailable as error:
            with self._changed:
                if not self._requests.postpone(error.problem.get("request"), now=self._clock()):
                    raise
            _log.warning("the worker of %r: the hub cannot process a request: %s; retrying", self._name, error)
            return False
        with self._changed:
            if isinstance(message, Joined):
                self._partitions.set_deadline(message.ack_deadline)
            elif isinstance(message, Answer):
                self._requests.confirm(message.request)
                self._partitions.send_ready()
            elif message is not None:
                self._partitions.add_frame(message)
            self._changed.notify_all()
        self._flush()
        return isinstance(message, Share)

    def tick(self) -> float:
        """Apply the timeouts that are due, and return the seconds until the next may be due.

        While an event is being handled or frames wait, heartbeats are sent for every partition, so that no event is
        redelivered because another one takes long. Only the current event has a deadline.

        Raises:
            ConnectFailed: The connection was lost.
        """
        with self._changed:
            now = self._clock()
            due = min(self._requests.resend(now), self._partitions.apply_timeouts())
        self._flush()
        return max(0.0, due - now)

    def end(self, error: Exception) -> None:
        """End the membership because of an error, which the thread that handles events raises."""
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def leave(self) -> None:
        """Make `receive` return None. Any thread may call it."""
        with self._changed:
            self._leaving = True
            self._changed.notify_all()

    def unsubscribe(self, *, within: float) -> None:
        """Acknowledge the events that were handled, and leave the durable subscription.

        The hub delivers the other events to another member, without counting an attempt.

        Args:
            within: Seconds to wait for the hub's confirmation. Events whose acknowledgement it does not confirm may be
                redelivered.

        Raises:
            ConnectFailed: The connection was lost.
        """
        with self._changed:
            self._partitions.acknowledge_unfinished()
        self._wait_for_confirmation(within)
        with self._changed:
            self._requests.add("unsubscribe", None)
        self._wait_for_confirmation(within)

    def receive(self) -> tuple[Share, Ownership] | None:
        """Wait for the next frame to handle, and return it with the ownership of its partition.

        Returns:
            None after `leave`.

        Raises:
            ConnectFailed: The connection was lost; the frames that wait are redelivered.
            ProblemError: The hub ended the membership.
        """
        with self._changed:
            while not self._leaving:
                # Events sent before the subscription was deleted are still handled.
                if self._error is not None and not (self._partitions.waiting and isinstance(self._error, NotFound)):
                    raise self._error
                if frame := self._partitions.begin_frame():
                    return frame
                self._changed.wait()
            return None

    def events(
        self, share: Share, ownership: Ownership, on_loss: Callable[[Loss], object] | None
    ) -> Iterator[tuple[Recorded, int]]:
        """Iterate over the events of a frame to handle, each with its delivery attempt; then acknowledge the frame.

        Args:
            share: The frame.
            ownership: The ownership of its partition when it was received.
            on_loss: Accepts a loss that the frame reports; None accepts none.

        Raises:
            HistoryLost: Events were removed, and `on_loss` is None.
            ConnectFailed: The connection was lost.
        """
        if share.loss is not None:
            if on_loss is None:
                raise HistoryLost(share.loss, cursor=share.cursor or "")
            on_loss(share.loss)
        handled_late = 0
        if share.stream is not None:
            with self._changed:
                ownership.dropping.discard(share.stream)
                handled_late = ownership.handled_late.pop(share.stream, 0)
        for number, event in enumerate(share.events):
            attempt = 1 if number and share.stream is not None else share.attempt
            with self._changed:
                if self._error is not None and not isinstance(self._error, NotFound):
                    raise self._error
                is_due = self._partitions.begin_event(
                    share, ownership, event, attempt=attempt, handled_late=handled_late
                )
            if is_due:
                yield event, attempt
        with self._changed:
            self._partitions.finish_frame(share, ownership)
        self._flush()

    def begin(self) -> None:
        """Start the deadline of the current event: its handler runs."""
        with self._changed:
            self._partitions.begin_handler(runs=True)

    def pause(self) -> None:
        """Stop the deadline of the current event while its handler waits for something else; `begin` restarts it."""
        with self._changed:
            self._partitions.begin_handler(runs=False)

    def handled(self) -> None:
        """Acknowledge the current event: its handler returned.

        Raises:
            ConnectFailed: The connection was lost.
        """
        with self._changed:
            self._partitions.handled()
        self._flush()

    def failed(self, error: Exception) -> None:
        """Send a nack for the current event: its handler raised an exception. The hub redelivers or parks the event.

        Args:
            error: The exception; `Retry` and `Park` choose between the two.

        Raises:
            ConnectFailed: The connection was lost.
        """
        reason = reason_of(error)
        verdict: dict[str, object] = {"park": True} if isinstance(error, Park) else {}
        if isinstance(error, Retry) and error.delay is not None:
            verdict = {"delay": error.delay}
        with self._changed:
            failed = self._partitions.failed(reason, **verdict)
        event = f"{failed.event.stream} {failed.event.sequence} (attempt {failed.attempt})"
        if isinstance(error, Park):
            _log.warning("the worker of %r: the handler parks %s: %s", self._name, event, reason)
        elif isinstance(error, Retry):
            _log.info("the worker of %r: the handler retries %s: %s", self._name, event, reason)
        else:
            _log.error("the worker of %r: the handler failed at %s: %s", self._name, event, reason, exc_info=error)
        self._flush()

    def _wait_for_confirmation(self, within: float) -> None:
        self._flush()
        with self._changed:
            self._changed.wait_for(lambda: self._error is not None or not self._requests, timeout=within)

    def _flush(self) -> None:
        try:
            self._requests.flush()
        except ConnectFailed:
            # The error that ended the membership is the cause of this one.
            if self._error is not None:
                raise self._error from None
            raise
