"""What a scenario needs of the hub under test."""

from __future__ import annotations

from typing import Protocol

__all__ = ["HubControls"]


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
