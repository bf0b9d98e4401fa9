"""The end of a door: its calls are refused from then on, and do not wait for their clients any more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from eventstore_server.grpc.statuses import SessionClosed

__all__ = ["Drain"]

ResultT = TypeVar("ResultT")


class Drain:
    """Whether a door drains. All methods are called on the thread of the event loop.

    Attributes:
        reason: Why calls are refused; None before the drain.
    """

    def __init__(self) -> None:
        self.reason: SessionClosed | None = None
        self._waiting: set[asyncio.Timeout] = set()

    def begin(self, reason: SessionClosed) -> None:
        """Refuse calls from now on, and end those that wait for their clients.

        Args:
            reason: Why.
        """
        self.reason = reason
        for timeout in self._waiting:
            timeout.reschedule(0)

    async def wait(self, client: Awaitable[ResultT]) -> ResultT:
        """Wait for what a client sends. Once the drain has begun, only what has arrived is returned.

        Args:
            client: The wait, which is cancelled when the drain begins.

        Raises:
            SessionClosed: The drain has begun.
        """
        timeout = asyncio.timeout(None if self.reason is None else 0)
        try:
            async with timeout:
                self._waiting.add(timeout)
                return await client
        except TimeoutError:
            if timeout.expired() and self.reason is not None:
                raise self.reason from None
            raise
        finally:
            self._waiting.discard(timeout)
