"""The controls of the hub under test that a scenario needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.transcripts.membership import Parked
    from tests.transcripts.transcript import Json

__all__ = ["GroupControls", "GroupHub", "HubControls"]


class HubControls(Protocol):
    """The hub under test, and its faults. Its store is durable."""

    @property
    def rest_url(self) -> str:
        """Such as `http://127.0.0.1:8081`. Where the hub has several instances, the next one's each time."""

    @property
    def ws_url(self) -> str:
        """Such as `ws://127.0.0.1:8081/ws`. Where the hub has several instances, the next one's each time."""

    async def kill(self, process: str) -> None:
        """Kill the processes of a function, or an instance."""

    async def pause(self, process: str) -> None:
        """Let an instance hang for some seconds, from now on."""

    async def kill_caller(self, port: int) -> None:
        """Kill what calls a target, by the port of its connection; 0 is one that has gone."""

    async def restart_cache(self) -> None:
        """Kill and restart the cache, which keeps acknowledged writes."""

    async def fire_sweep(self) -> None:
        """Run the sweep, as its schedule does every minute."""


class GroupControls(Protocol):
    """Durable subscriptions of the hub under test. Failed calls are retried, because the store may be restarted."""

    async def create(
        self,
        name: str,
        *,
        ack_deadline: int,
        max_attempts: int,
        max_in_flight: int,
        target: Json | None = None,
        filters: Sequence[Json] = (),
    ) -> None:
        """Create a durable subscription to the events that match, from the start; the deadline is in seconds."""

    async def unfinished(self, name: str) -> int:
        """How many events it has not reached, or has in flight, and how many of its streams are held."""

    async def parked(self, name: str) -> Sequence[Parked]:
        """Its parked streams."""

    async def redrive(self, name: str, stream: str, how: str) -> None:
        """Redrive a parked stream: from the failed event (`start`), or after it (`skip`)."""


class GroupHub(HubControls, GroupControls, Protocol):
    """The hub under test, with its durable subscriptions."""
