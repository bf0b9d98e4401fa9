"""What a worker of either face is, and the event that a handler processes."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore_client.errors import HistoryLost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eventstore_client.backoff import Backoff
    from eventstore_client.credentials import Credentials
    from eventstore_client.datarefs import DataFetcher
    from eventstore_client.losses import Loss
    from eventstore_client.ownership import Delivery, OpenFrame
    from eventstore_client.recorded import Recorded
    from eventstore_client.tracing import Tracing

__all__ = ["LASTING", "LEAVING", "WorkerClosed", "WorkerOptions", "current_delivery"]

LEAVING = 5.0
"""Seconds to wait for the last confirmations. Events whose acknowledgement is not confirmed may be redelivered."""

LASTING = 60.0
"""Seconds after which the end of a connection does not count as a failure of the hub."""

_current: ContextVar[Delivery | None] = ContextVar("eventstore_client delivery", default=None)


class WorkerClosed(Exception):
    """The worker was closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """What a worker handles, and how.

    Attributes:
        url: The hub's WebSocket address.
        name: The name of the durable subscription.
        backoff: How, and for how long, connecting is retried.
        ping_every: Seconds between pings.
        alive_every: Seconds between heartbeats; None for a third of the subscription's `ack_deadline`.
        concurrency: The greatest number of events that are handled at the same time.
        on_loss: Accepts a loss; without it, `run` raises `HistoryLost`.
        credentials: The credentials of the connection; None if there are none.
        fetch_data: Adds the data to an event that came without them; None leaves such events as they are.
        tracing: Traces the handlers; None does not.

    Raises:
        ValueError: `concurrency` is less than 1.
    """

    url: str
    name: str
    backoff: Backoff
    ping_every: float
    alive_every: float | None
    concurrency: int
    on_loss: Callable[[Loss], object] | None
    credentials: Credentials | None
    fetch_data: DataFetcher | None
    tracing: Tracing | None

    def __post_init__(self) -> None:
        if self.concurrency < 1:
            raise ValueError(f"concurrency must be at least 1, not {self.concurrency}")

    @property
    def title(self) -> str:
        """The worker in log entries and errors."""
        return f"the worker of {self.name!r}"

    def accept_loss(self, frame: OpenFrame) -> object:
        """Report the loss of a frame to `on_loss`, and return what it returns.

        Raises:
            HistoryLost: There is no `on_loss`.
        """
        share = frame.share
        if share.loss is not None:
            if self.on_loss is None:
                raise HistoryLost(share.loss, cursor=share.cursor or "")
            return self.on_loss(share.loss)
        return None

    @contextmanager
    def handling(self, delivery: Delivery, event: Recorded) -> Iterator[None]:
        """Enter the context in which a handler processes an event.

        Args:
            delivery: The event as it was received.
            event: The event with its data.
        """
        token = _current.set(delivery)
        try:
            if self.tracing is None:
                yield
            else:
                with self.tracing.handling(event, subscription=self.name, attempt=delivery.attempt):
                    yield
        finally:
            _current.reset(token)


def current_delivery() -> Delivery | None:
    """Return the event that the handler of this thread or task processes; None outside of a handler."""
    return _current.get()
