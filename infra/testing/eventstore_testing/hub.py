"""The hub as tests see it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from eventstore_testing.arrivals import Event, NoSuchEvent, await_events, stored_events
from eventstore_testing.process import HubFailed, HubProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["EventstoreHub", "HubFailed", "NoSuchEvent"]


@dataclass(frozen=True, slots=True)
class EventstoreHub:
    """A hub that runs in a process of its own, on ports of 127.0.0.1 that stay as long as it runs.

    Attributes:
        process: The process.
        url: The address of REST.
        websocket_url: The address of WebSocket, which clients derive from `url`.
        grpc: Host and port of gRPC.
    """

    process: HubProcess
    url: str
    websocket_url: str
    grpc: str

    @classmethod
    def start(cls) -> Self:
        """Start a hub, and return when it is ready.

        Raises:
            HubFailed: It did not start; the message says why.
        """
        process = HubProcess.start()
        http, grpc = process.ports
        return cls(process, f"http://127.0.0.1:{http}", f"ws://127.0.0.1:{http}/ws", f"127.0.0.1:{grpc}")

    def stop(self) -> None:
        """End the hub. It may be called again."""
        self.process.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def reset(self) -> None:
        """Cut all connections, remove all that is stored, and set the clock of deadlines back."""
        self.process.call("reset")

    # Events

    def await_event(
        self,
        event_type: str | None = None,
        *,
        where: Callable[[Event], bool] | None = None,
        timeout: timedelta = timedelta(seconds=10),
        **parameters: str,
    ) -> Event:
        """Return the first event that matches, in the JSON format of CloudEvents, as soon as the hub has it.

        Events that were stored before the call count. The order of events of different streams is any.

        Args:
            event_type: The type; one that ends in `*` is a prefix.
            where: Further selects events.
            timeout: How long to wait.
            parameters: Those of a subscription of `cloudevents.json`, such as `stream`, `subject`, `workflowid` or
                `filter` (docs/protocol.md).

        Raises:
            NoSuchEvent: None came in time; the message lists events of the hub.
        """
        [event] = self.await_events(1, event_type, where=where, timeout=timeout, **parameters)
        return event

    def await_events(
        self,
        count: int,
        event_type: str | None = None,
        *,
        where: Callable[[Event], bool] | None = None,
        timeout: timedelta = timedelta(seconds=10),
        **parameters: str,
    ) -> Sequence[Event]:
        """Return the first events that match, as soon as the hub has as many.

        Args:
            count: How many.
            event_type: See `await_event`.
            where: See `await_event`.
            timeout: How long to wait for all of them.
            parameters: See `await_event`.

        Raises:
            NoSuchEvent: Fewer came in time; the message lists events of the hub.
        """
        selected = {**({} if event_type is None else {"type": event_type}), **parameters}
        try:
            return await_events(self.websocket_url, count, selected, where=where, seconds=timeout.total_seconds())
        except NoSuchEvent as error:
            raise NoSuchEvent(f"{error}; {_listed(self.events())}") from None

    def events(self, **parameters: str) -> Sequence[Event]:
        """Return the events that the hub has now, at most 1,000.

        Args:
            parameters: Those of `GET /api/v1/events`, such as `type`, `stream`, `workflowid` or `filter`.
        """
        return stored_events(self.url, parameters)

    # Faults

    def cut_connections(self) -> int:
        """Cut all connections of clients, without a closing handshake, and return their number."""
        return self.process.call("cut")

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Let the hub be away during the block: connections are cut, and new ones too. Afterwards it has its data."""
        self.process.call("stop")
        try:
            yield
        finally:
            self.process.call("start")

    def advance(self, time: timedelta) -> None:
        """Move the clock of deadlines forward, and apply the deadlines that have passed.

        It decides when an event that is not acknowledged is redelivered, and when the delay after a nack ends. What
        arrives afterwards has deadlines after the new time. The times of events, and the age that retention allows, do
        not move.

        Raises:
            ValueError: The time is negative.
        """
        if time < timedelta(0):
            raise ValueError(f"the clock moves forward only: {time}")
        self.process.call("advance", round(time.total_seconds() * 1000))


def _listed(events: Sequence[Event]) -> str:
    if not events:
        return "the hub has no event"
    shown = [f"{event['type']} ({event['hubstream']}, {event['hubsequence']})" for event in events[:_SHOWN]]
    return f"the hub has {', '.join(shown)}" + (f" and {len(events) - _SHOWN} more" if len(events) > _SHOWN else "")


_SHOWN = 20
