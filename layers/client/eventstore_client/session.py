"""One ephemeral subscription on one connection: confirmation and frames."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from eventstore_client.errors import ConnectFailed
from eventstore_client.frames import Arrival, Numbers
from eventstore_client.messages import Frame, Subscribed, parse_message

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from eventstore_client.connection import Connection

__all__ = ["Session"]

_ANSWER = 30.0
"""Seconds to wait for `subscribed`. API Gateway limits its functions to 29 seconds."""


class Session:
    """One subscription on one connection. It returns every frame once, in the order of its partition."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._numbers = Numbers()
        # Frames are sent on another path than `subscribed` and may overtake it. They wait for it: only its cursor
        # covers all partitions, and a loss must be reported before the events after it.
        self._early: deque[Frame] = deque()

    def subscribe(self, message: Mapping[str, Any]) -> Subscribed:
        """Send the request, and wait for the hub's confirmation.

        Raises:
            ConnectFailed: The connection or a frame was lost.
            ProblemError: The hub rejects the request.
        """
        self._connection.send(message)
        while True:
            reply = self._parse(self._connection.receive(within=_ANSWER))
            if isinstance(reply, Subscribed):
                return reply
            if reply is not None:
                self._early.append(reply)

    def frame(self) -> Frame:
        """Wait for the next frame.

        Raises:
            ConnectFailed: The connection or a frame was lost.
            ProblemError: The hub ended the subscription.
        """
        if self._early:
            return self._early.popleft()
        while True:
            message = self._parse(self._connection.receive())
            if isinstance(message, Frame):
                return message

    def close(self) -> None:
        """Close the connection; a `frame` in another thread fails."""
        self._connection.close()

    def _parse(self, text: str) -> Subscribed | Frame | None:
        message = parse_message(text)
        if not isinstance(message, Frame):
            return message
        arrival = self._numbers.arrived(message)
        if arrival is Arrival.HOLE:
            raise ConnectFailed(f"a frame of partition {message.partition} was lost before frame {message.number}")
        return message if arrival is Arrival.NEXT else None
