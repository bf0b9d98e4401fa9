"""A member of a durable subscription on one connection, without I/O: its messages, and the events to handle."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from eventstore_client.errors import NotFound, Unavailable
from eventstore_client.messages import Answer, Joined, Share, join_request, parse_member_message
from eventstore_client.partitions import Partitions
from eventstore_client.reasons import reason_of
from eventstore_client.requests import Requests
from eventstore_client.verdicts import Park, Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eventstore_client.ownership import Delivery, OpenFrame

__all__ = ["Member"]

_log = logging.getLogger("eventstore_client")


class Member:
    """A member of a durable subscription, for as long as its connection lasts.

    Frames that were received wait here, and heartbeats keep them from being redelivered, however long the handlers
    take. The number of events that wait is limited: the hub stops sending at its limit of unacknowledged events.

    `Membership` and `AsyncMembership` pass on the messages of a connection (`accept`), apply timeouts (`tick`), send
    what there is to send (`message`), and handle events: `next`, and for each event `begin`, then `handled` or
    `failed`. The caller's lock guards all methods but `message`.

    The protocol is in docs/protocol.md, "Durable subscriptions".

    Args:
        name: The name of the durable subscription.
        url: The address of the hub, for the log.
        alive_every: Seconds between heartbeats of each partition, at most a third of the deadline; None for a third of
            the deadline.
        clock: Returns monotonic time in seconds.

    Attributes:
        is_leaving: Whether `next` returns no further events, because the member leaves.
        error: The error that ended the membership; None before.
    """

    def __init__(
        self, name: str, *, url: str, alive_every: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name = name
        self._url = url
        self._has_joined = False
        self._clock = clock
        self._requests = Requests()
        self._partitions = Partitions(name, self._requests, alive_every=alive_every, clock=clock)
        self.error: BaseException | None = None
        self.is_leaving = False

    def join(self) -> None:
        """Queue the request to join the durable subscription."""
        self._requests.post(join_request(self._name))

    def message(self) -> Mapping[str, Any] | None:
        """Remove and return the next message to send; None if there is none. One thread at a time may call it."""
        return self._requests.take()

    @property
    def has_messages(self) -> bool:
        """Whether there is a message to send."""
        return self._requests.has_queued

    @property
    def is_confirmed(self) -> bool:
        """Whether the hub has confirmed all requests."""
        return not self._requests

    def accept(self, text: str) -> bool:
        """Process a message of the hub.

        Returns:
            Whether it is a frame, which shows that the hub works.

        Raises:
            ConnectFailed: A frame was lost.
            ProblemError: The message is an error.
        """
        try:
            message = parse_member_message(text)
        except Unavailable as error:
            if not self._requests.postpone(error.problem.get("request"), now=self._clock()):
                raise
            _log.warning("the worker of %r: the hub cannot process a request: %s; retrying", self._name, error)
            return False
        if isinstance(message, Joined):
            self._partitions.set_deadline(message.ack_deadline)
            if not self._has_joined:
                self._has_joined = True
                _log.info("the worker of %r is connected to %s", self._name, self._url)
        elif isinstance(message, Answer):
            self._requests.confirm(message.request)
            self._partitions.send_ready()
        elif message is not None:
            self._partitions.add_frame(message)
        return isinstance(message, Share)

    def tick(self) -> float:
        """Apply the timeouts that are due, and return the seconds until the next may be due.

        While events are being handled or wait, heartbeats are sent for every partition, so that no event is redelivered
        because another one takes long. Only events that are being handled have a deadline.
        """
        now = self._clock()
        return max(0.0, min(self._requests.resend(now), self._partitions.apply_timeouts()) - now)

    def end(self, error: BaseException) -> None:
        """End the membership because of an error, which `next` raises."""
        if self.error is None:
            self.error = error

    def next(self) -> Delivery | OpenFrame | None:
        """Return the next event to handle, or a frame that reports a loss; None if there is none for now.

        Events sent before the subscription was deleted are still returned.

        Raises:
            Exception: The error that ended the membership.
        """
        if self.error is not None and not isinstance(self.error, NotFound):
            raise self.error
        found = self._partitions.next()
        if found is None and self.error is not None:
            raise self.error
        return found

    def accept_loss(self) -> None:
        """Continue after the loss that `next` returned."""
        self._partitions.accept_loss()

    def begin(self, delivery: Delivery) -> None:
        """Start the deadline of an event: its handler runs."""
        self._partitions.handlers.begin(delivery)

    def pause(self, delivery: Delivery) -> None:
        """Stop the deadline of an event while its handler waits for something else; `begin` restarts it."""
        self._partitions.handlers.pause(delivery)

    def handled(self, delivery: Delivery) -> None:
        """Acknowledge an event: its handler returned."""
        self._partitions.handled(delivery)

    def left(self, delivery: Delivery) -> None:
        """Give up an event, because the member leaves: it is neither acknowledged nor failed."""
        self._partitions.left(delivery)

    def failed(self, delivery: Delivery, error: Exception, reason: str) -> None:
        """Queue a nack for an event: its handler raised an exception. The hub redelivers or parks the event.

        Args:
            delivery: The event.
            error: The exception; `Retry` and `Park` choose between the two.
            reason: What `log_failure` returned.
        """
        verdict: dict[str, object] = {"park": True} if isinstance(error, Park) else {}
        if isinstance(error, Retry) and error.delay is not None:
            verdict = {"delay": error.delay}
        self._partitions.failed(delivery, reason, **verdict)

    def log_failure(self, delivery: Delivery, error: Exception) -> str:
        """Log why an event failed, with the traceback, and return the reason. It needs no lock: a log may be slow."""
        reason = reason_of(error)
        event = f"{delivery.event.stream} {delivery.event.sequence} (attempt {delivery.attempt})"
        if isinstance(error, Park):
            _log.warning("the worker of %r: the handler parks %s: %s", self._name, event, reason)
        elif isinstance(error, Retry):
            _log.info("the worker of %r: the handler retries %s: %s", self._name, event, reason)
        else:
            _log.error("the worker of %r: the handler failed at %s: %s", self._name, event, reason, exc_info=error)
        return reason

    def acknowledge_unfinished(self) -> None:
        """Acknowledge the events that were handled in frames that are not finished."""
        self._partitions.acknowledge_unfinished()

    def unsubscribe(self) -> None:
        """Queue the request to leave. The hub delivers the other events elsewhere, without counting an attempt."""
        self._requests.add("unsubscribe", None)
