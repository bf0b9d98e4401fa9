from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from eventstore_client.errors import ConnectFailed
from eventstore_client.frames import Arrival, Numbers
from eventstore_client.messages import Frame, Subscribed, understood

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from eventstore_client.connection import Connection

__all__ = ["Session"]

_ANSWER = 30.0
"""Seconds in which `subscribed` comes; API Gateway gives its functions 29."""


class Session:
    """One subscription on one connection: every frame once, in its partition's order, until it breaks."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._numbers = Numbers()
        # Frames travel another way than `subscribed` and may be faster. They wait for it: only its cursor makes a
        # state from which all partitions can be resumed, and a loss is told before what came after it.
        self._early: deque[Frame] = deque()

    def subscribe(self, message: Mapping[str, Any]) -> Subscribed:
        """Ask for the subscription, and wait for the hub's word.

        Raises:
            ConnectFailed: The connection broke, or a frame was lost.
            ProblemError: The hub refuses.
        """
        self._connection.send(message)
        while True:
            said = self._understood(self._connection.receive(within=_ANSWER))
            if isinstance(said, Subscribed):
                return said
            if said is not None:
                self._early.append(said)

    def frame(self) -> Frame:
        """The next frame, however long that takes.

        Raises:
            ConnectFailed: The connection broke, or a frame was lost.
        """
        if self._early:
            return self._early.popleft()
        while True:
            said = self._understood(self._connection.receive())
            if isinstance(said, Frame):
                return said

    def close(self) -> None:
        """End it; `frame` in another thread fails then."""
        self._connection.close()

    def _understood(self, text: str) -> Subscribed | Frame | None:
        said = understood(text)
        if not isinstance(said, Frame):
            return said
        arrival = self._numbers.arrived(said)
        if arrival is Arrival.HOLE:
            raise ConnectFailed(f"a frame of partition {said.partition} was lost: {said.number} came too early")
        return said if arrival is Arrival.NEXT else None
