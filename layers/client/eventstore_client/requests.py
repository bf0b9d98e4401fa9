"""The queue of a member's requests to the hub, and the requests that are not confirmed yet."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

from eventstore_client.messages import member_request

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Requests"]

_PAUSE = 1.0
"""Seconds until a request is resent that the hub could not process."""


@dataclass(slots=True)
class _Request:
    """A request that is not confirmed yet.

    Attributes:
        action: The action of the message.
        partition: The partition that it concerns; None if it concerns several, so that no other request waits for it.
        message: The message.
        resend_at: When it is resent; infinite while the hub processes it.
    """

    action: str
    partition: int | None
    message: Mapping[str, Any]
    resend_at: float = inf


class Requests:
    """The requests of one connection. The caller's lock guards it, except for `take`."""

    def __init__(self) -> None:
        self._queue: deque[Mapping[str, Any]] = deque()
        self._unconfirmed: dict[str, _Request] = {}
        self._count = 0

    def post(self, message: Mapping[str, Any]) -> None:
        """Queue a message that the hub does not confirm."""
        self._queue.append(message)

    def add(self, action: str, partition: int | None, /, **members: object) -> None:
        """Queue a request.

        Args:
            action: The action of the message.
            partition: The partition that the request concerns; None for several.
            members: The other members of the message.
        """
        self._count += 1
        number = str(self._count)
        message = member_request(action, request=number, **members)
        self._unconfirmed[number] = _Request(action, partition, message)
        self._queue.append(message)

    def confirm(self, number: str) -> None:
        """Record that the hub confirmed a request."""
        self._unconfirmed.pop(number, None)

    def postpone(self, number: object, *, now: float) -> bool:
        """Schedule a request to be resent, because the hub could not process it.

        Args:
            number: The number of the request, as the hub sent it.
            now: The current time of the clock.

        Returns:
            Whether the request is one of this queue.
        """
        request = self._unconfirmed.get(str(number))
        if request is None:
            return False
        request.resend_at = now + _PAUSE
        return True

    def resend(self, now: float) -> float:
        """Queue the requests that are due to be resent, and return when the next is due."""
        for request in self._unconfirmed.values():
            if request.resend_at <= now:
                request.resend_at = inf
                self._queue.append(request.message)
        return min((request.resend_at for request in self._unconfirmed.values()), default=inf)

    def waits(self, partition: int, *, action: str | None = None) -> bool:
        """Whether a request about the partition is not confirmed yet.

        Args:
            partition: The number of the partition.
            action: The action of the request; None for any.
        """
        return any(
            request.partition == partition and action in {None, request.action}
            for request in self._unconfirmed.values()
        )

    def __bool__(self) -> bool:
        """Whether any request is not confirmed yet."""
        return bool(self._unconfirmed)

    @property
    def has_queued(self) -> bool:
        """Whether a message is to be sent."""
        return bool(self._queue)

    def take(self) -> Mapping[str, Any] | None:
        """Remove and return the next message to send; None if there is none. One thread at a time may call it."""
        return self._queue.popleft() if self._queue else None
