from __future__ import annotations

import time
from collections import deque
from math import inf
from typing import TYPE_CHECKING

from eventstore_client.errors import ConnectFailed, HistoryLost
from eventstore_client.messages import Answer, about, join, shared
from eventstore_client.verdicts import Park, Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eventstore_client.connection import Connection
    from eventstore_client.events import Recorded
    from eventstore_client.losses import Loss
    from eventstore_client.messages import Share

__all__ = ["Membership"]

_ANSWER = 30.0
"""Seconds in which the hub answers; API Gateway gives its functions 29."""

_REASON = 300
"""Characters of a reason that the hub keeps."""


class Membership:
    """A member of a durable subscription, as long as its connection lasts (docs/protocol.md, "Durable subscriptions").

    Args:
        alive_every: Seconds after which the hub hears that the member is still at work on what it was sent.
    """

    def __init__(
        self, connection: Connection, name: str, *, alive_every: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._connection = connection
        self._alive_every = alive_every
        self._clock = clock
        self._said = clock()
        # Of each partition that it owns: the last frame, what was acknowledged, and the streams of which it drops what
        # comes, until a frame names them.
        self._last: dict[int, int] = {}
        self._handled: dict[int, str] = {}
        self._dropping: dict[int, set[str]] = {}
        # What the hub has yet to answer, by its request, and what came while answers were waited for.
        self._open: dict[str, str] = {}
        self._early: deque[Share] = deque()
        self._requests = 0
        connection.send(join(name))

    def receive(self) -> Share | None:
        """The next message, however long that takes; None if there is nothing to do for it.

        Raises:
            ConnectFailed: The connection broke, or a frame was lost.
            ProblemError: The hub refuses.
        """
        share = self._early.popleft() if self._early else self._heard()
        if share is None:
            return None
        last = self._last.get(share.partition, 0)
        if share.number <= last:
            return None
        if share.kind != "owned" and share.number > last + 1:
            raise ConnectFailed(f"a frame of partition {share.partition} was lost: {share.number} came too early")
        self._last[share.partition] = share.number
        if share.kind == "owned":
            self._dropping[share.partition] = set()
            self._handled[share.partition] = share.cursor or ""
        return share

    def take(self, share: Share, on_loss: Callable[[Loss], object] | None) -> Iterator[tuple[Recorded, int]]:
        """The events to handle, each with its attempt.

        One counts as handled once the next is asked for, unless it failed; the message, once there is no next.
        """
        if share.loss is not None:
            if on_loss is None:
                raise HistoryLost(share.loss, cursor=share.cursor or "")
            on_loss(share.loss)
        dropping = self._dropping[share.partition]
        dropping.discard(share.stream or "")
        for number, event in enumerate(share.events):
            if event.stream not in dropping:
                self._stay_alive()
                yield event, 1 if number and share.stream is not None else share.attempt
                if share.stream is not None and event.stream not in dropping:
                    self._say("ack", stream=event.stream, sequence=event.sequence)
        if share.kind == "revoked":
            del self._handled[share.partition]
            self._settle()
            self._say("release", partition=share.partition)
        elif share.kind == "events" and share.cursor is not None:
            if "nack" in self._open.values():
                # A cursor that overtakes a nack would say that the event was handled.
                self._settle()
            self._handled[share.partition] = share.cursor
            self._say("ack", cursor=share.cursor)

    def fail(self, share: Share, event: Recorded, error: Exception) -> None:
        """Say that the event could not be handled, and why."""
        self._dropping[share.partition].add(event.stream)
        reason = str(error) if isinstance(error, Retry | Park) else f"{type(error).__name__}: {error}"
        chosen: dict[str, object] = {"park": True} if isinstance(error, Park) else {}
        if isinstance(error, Retry) and error.delay is not None:
            chosen = {"delay": error.delay}
        self._say("nack", stream=event.stream, sequence=event.sequence, reason=reason[:_REASON], **chosen)

    def close(self) -> None:
        """End it; `receive` in another thread fails then. What was not acknowledged goes to another member."""
        self._connection.close()

    def _stay_alive(self) -> None:
        # Acknowledging again changes nothing, but that the hub hears of the partitions whose frames wait here.
        if self._handled and self._clock() >= self._said + self._alive_every:
            self._say("ack", cursor=list(self._handled.values()))

    def _say(self, action: str, **members: object) -> None:
        self._requests += 1
        request = str(self._requests)
        self._connection.send(about(action, request=request, **members))
        self._open[request] = action
        if "cursor" in members:
            self._said = self._clock()

    def _settle(self) -> None:
        """Return once the hub has answered all that was said."""
        while self._open:
            if share := self._heard(within=_ANSWER):
                self._early.append(share)

    def _heard(self, *, within: float = inf) -> Share | None:
        heard = shared(self._connection.receive(within=within))
        if isinstance(heard, Answer):
            self._open.pop(heard.request, None)
            return None
        return heard
