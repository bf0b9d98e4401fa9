from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from eventstore_client.errors import ConnectFailed, HistoryLost, NotFound, Unavailable
from eventstore_client.messages import Answer, Joined, Share, join, shared
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
    """A member of a durable subscription, as long as its connection lasts (docs/protocol.md, "Durable subscriptions").

    Two threads share it. One reads the connection at all times, and says what is due by time: `hear`, `tick`, `end`.
    The other handles events: `receive`, `events`, and for each event `begin`, then `handled` or `failed`. What has been
    received waits here, and is kept alive, however long the handler takes. It is no more than the hub may have in
    flight; then the hub sends nothing until it hears of some.

    Args:
        send: Sends a message over the connection; both threads use it.
        name: The durable subscription's.
        alive_every: Seconds after which the hub hears of each partition, at least; None for a third of the deadline,
            which it never exceeds.
        clock: Seconds that never go back.
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
        # Guards all that follows, and is notified of what the handler's thread may wait for.
        self._changed = threading.Condition()
        self._requests = Requests(send)
        self._partitions = Partitions(name, self._requests, alive_every=alive_every, clock=clock)
        self._error: Exception | None = None
        self._leaving = False

    def join(self) -> None:
        """Ask to take part.

        Raises:
            ConnectFailed: The connection broke.
        """
        self._requests.post(join(self._name))
        self._flush()

    def hear(self, text: str) -> bool:
        """Take in a message of the hub's; whether it is a frame, which only a hub sends that is well.

        Raises:
            ConnectFailed: A frame was lost, or the connection broke.
            ProblemError: The hub refuses.
        """
        try:
            message = shared(text)
        except Unavailable as error:
            with self._changed:
                if not self._requests.postponed(error.problem.get("request"), self._clock()):
                    raise
            _log.warning("the worker of %r: the hub cannot take what was said: %s; saying it again", self._name, error)
            return False
        with self._changed:
            if isinstance(message, Joined):
                self._partitions.go_by(message.ack_deadline)
            elif isinstance(message, Answer):
                self._requests.answered(message.request)
                self._partitions.settle()
            elif message is not None:
                self._partitions.arrived(message)
            self._changed.notify_all()
        self._flush()
        return isinstance(message, Share)

    def tick(self) -> float:
        """Say what is due; seconds until there may be more to say.

        While an event is in hand or frames wait, the hub hears of every partition in time: nothing that was received is
        lost to a deadline because another event takes long. The event in hand alone has its deadline.

        Raises:
            ConnectFailed: The connection broke.
        """
        with self._changed:
            now = self._clock()
            due = min(self._requests.repeat(now), self._partitions.pass_time())
        self._flush()
        return max(0.0, due - now)

    def end(self, error: Exception) -> None:
        """Nothing more will be heard; whoever handles events learns why."""
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def leave(self) -> None:
        """Let `receive` end; in any thread."""
        with self._changed:
            self._leaving = True
            self._changed.notify_all()

    def unsubscribe(self, *, within: float) -> None:
        """Acknowledge what is handled, and leave the group: what is not handled was not tried then.

        Args:
            within: Seconds in which the hub answers; what it does not answer is sent to another member as well.

        Raises:
            ConnectFailed: The connection broke.
        """
        with self._changed:
            self._partitions.acknowledge_unfinished()
        self._settle(within)
        with self._changed:
            self._requests.add("unsubscribe", None)
        self._settle(within)

    def receive(self) -> tuple[Share, Ownership] | None:
        """The next frame to handle, however long that takes; None once it was asked to leave.

        Raises:
            ConnectFailed: The connection broke: what waits here comes again.
            ProblemError: The hub refuses to go on.
        """
        with self._changed:
            while not self._leaving:
                # What was sent before the subscription was deleted is still to be handled.
                if self._error is not None and not (self._partitions.waiting and isinstance(self._error, NotFound)):
                    raise self._error
                if frame := self._partitions.begin_frame():
                    return frame
                self._changed.wait()
            return None

    def events(
        self, share: Share, ownership: Ownership, on_loss: Callable[[Loss], object] | None
    ) -> Iterator[tuple[Recorded, int]]:
        """The events of a frame to handle, each with its attempt; then the frame is acknowledged.

        Raises:
            HistoryLost: Events are gone, and nobody takes losses.
            ConnectFailed: The connection broke.
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
                wanted = self._partitions.begin_event(
                    share, ownership, event, attempt=attempt, handled_late=handled_late
                )
            if wanted:
                yield event, attempt
        with self._changed:
            self._partitions.finish_frame(share, ownership)
        self._flush()

    def begin(self) -> None:
        """The handler begins: it has the deadline for itself from now on."""
        with self._changed:
            self._partitions.begin_handler(runs=True)

    def pause(self) -> None:
        """The handler waits for something that is no part of handling the event; `begin` ends that."""
        with self._changed:
            self._partitions.begin_handler(runs=False)

    def handled(self) -> None:
        """The handler has returned.

        Raises:
            ConnectFailed: The connection broke.
        """
        with self._changed:
            self._partitions.handled()
        self._flush()

    def failed(self, error: Exception) -> None:
        """The handler has raised: the hub hears why, and sends the event again, or parks it.

        Raises:
            ConnectFailed: The connection broke.
        """
        reason = reason_of(error)
        verdict: dict[str, object] = {"park": True} if isinstance(error, Park) else {}
        if isinstance(error, Retry) and error.delay is not None:
            verdict = {"delay": error.delay}
        with self._changed:
            failed = self._partitions.failed(reason, **verdict)
        at = f"{failed.event.stream} {failed.event.sequence} (attempt {failed.attempt})"
        if isinstance(error, Park):
            _log.warning("the worker of %r: %s is to be parked: %s", self._name, at, reason)
        elif isinstance(error, Retry):
            _log.info("the worker of %r: %s is to be tried again: %s", self._name, at, reason)
        else:
            _log.error("the worker of %r: the handler failed at %s: %s", self._name, at, reason, exc_info=error)
        self._flush()

    def _settle(self, within: float) -> None:
        self._flush()
        with self._changed:
            self._changed.wait_for(lambda: self._error is not None or not self._requests, timeout=within)

    def _flush(self) -> None:
        try:
            self._requests.flush()
        except ConnectFailed:
            # Why the connection ended is known to whoever ended it.
            if self._error is not None:
                raise self._error from None
            raise
