"""One ephemeral subscription on one connection: confirmation and frames, without I/O."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING

from eventstore_client.errors import ConnectFailed
from eventstore_client.frames import Arrival, Numbers
from eventstore_client.messages import Frame, Subscribed, parse_message

if TYPE_CHECKING:
    from eventstore_client.link import Link

__all__ = ["Session"]

_CONFIRMATION = 30.0
"""Seconds to wait for `subscribed`. API Gateway limits its functions to 29 seconds."""


class Session:
    """One subscription on one connection. It returns the confirmation, then every frame once, in partition order.

    Attributes:
        link: The connection.
    """

    def __init__(self, link: Link) -> None:
        self.link = link
        self._numbers = Numbers()
        # Frames are sent on another path than `subscribed` and may overtake it. They wait for it: only its cursor
        # covers all partitions, and a loss must be reported before the events after it.
        self._messages: deque[Subscribed | Frame] = deque()
        self._is_confirmed = False

    async def receive(self) -> Subscribed | Frame:
        """Wait for the next message. If it is cancelled, no message is lost.

        Raises:
            ConnectFailed: The connection or a frame was lost.
            ProblemError: The hub rejects the request, or ended the subscription.
        """
        while not (self._is_confirmed and self._messages):
            self._accept(await self.link.receive(within=inf if self._is_confirmed else _CONFIRMATION))
        return self._messages.popleft()

    def _accept(self, text: str) -> None:
        message = parse_message(text)
        if isinstance(message, Subscribed) and not self._is_confirmed:
            self._messages.appendleft(message)
            self._is_confirmed = True
        if not isinstance(message, Frame):
            return
        arrival = self._numbers.arrived(message)
        if arrival is Arrival.HOLE:
            raise ConnectFailed(f"a frame of partition {message.partition} was lost before frame {message.number}")
        if arrival is Arrival.NEXT:
            self._messages.append(message)
