"""What a scenario needs of the hub under test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.transcripts.membership import Parked

__all__ = ["GroupControls", "HubControls"]


class HubControls(Protocol):
    """The hub under test, and what can be done to it. Its store keeps what it answered."""

    @property
    def rest_url(self) -> str:
        """Such as `http://127.0.0.1:8081`."""

    @property
    def ws_url(self) -> str:
        """Such as `ws://127.0.0.1:8081/ws`."""

    async def kill_function(self, name: str) -> None:
        """End the processes of a function, in the middle of whatever they do."""

    async def restart_cache(self) -> None:
        """End the cache and start it again, with what it had answered."""

    async def fire_sweep(self) -> None:
        """Run the sweep, as its schedule does every minute."""


class GroupControls(Protocol):
    """Durable subscriptions of the hub under test. Whatever fails is done again: its store may be struck meanwhile."""

    async def create(self, name: str, *, ack_deadline: int, max_attempts: int, max_in_flight: int) -> None:
        """Make one of all events, from the start; the deadline in seconds."""

    async def parked(self, name: str) -> Sequence[Parked]:
        """The streams that are parked for it."""

    async def redrive(self, name: str, stream: str, how: str) -> None:
        """Put one back: from the event that failed (`start`), or behind it (`skip`)."""
