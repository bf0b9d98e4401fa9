"""Durable subscriptions of the hub under test, over REST."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.e2e.struck import Struck
from tests.e2e.struck_servers import StruckServers
from tests.transcripts.membership import Parked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.transcripts.transcript import Json

__all__ = ["StruckGroups", "StruckServerGroups"]

_AGAIN_AFTER = 0.2
_SERVER_FAULT = 500


class _Groups(ABC):
    """See `tests.transcripts.controls.GroupControls`."""

    @property
    @abstractmethod
    def rest_url(self) -> str:
        """Where the REST API is."""

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
        settings: dict[str, Any] = {
            "ack_deadline": ack_deadline,
            "max_attempts": max_attempts,
            "max_in_flight": max_in_flight,
        }
        if filters:
            settings["filters"] = list(filters)
        if target is not None:
            settings["target"] = target
        await self._asked("POST", "subscriptions", json={"id": name, "from": "start", **settings})

    async def unfinished(self, name: str) -> int:
        status = await self._asked("GET", f"subscriptions/{name}")
        return sum(status[figure] for figure in ("lag", "in_flight", "held"))

    async def parked(self, name: str) -> list[Parked]:
        parked: list[Parked] = []
        query = {"subscription": name, "limit": "100"}
        while True:
            page = await self._asked("GET", "dead-letters", params=query)
            parked += [
                Parked(
                    stream=letter["stream"],
                    sequence=letter["sequence"],
                    attempts=letter["attempts"],
                    letters=letter["letters"],
                    errors=tuple(letter["errors"]),
                )
                for letter in page["dead_letters"]
            ]
            if "next" not in page:
                return parked
            query["cursor"] = page["next"]

    async def redrive(self, name: str, stream: str, how: str) -> None:
        await self._asked("POST", "dead-letters/redrive", json={"subscription": name, "stream": stream, "how": how})

    async def _asked(self, method: str, path: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - as aiohttp has it
        while True:
            try:
                async with (
                    aiohttp.ClientSession() as session,
                    session.request(method, f"{self.rest_url}/api/v1/{path}", **options) as response,
                ):
                    if response.status < _SERVER_FAULT:
                        response.raise_for_status()
                        answer: dict[str, Any] = await response.json()
                        return answer
            except (aiohttp.ClientConnectionError, TimeoutError):
                pass
            await asyncio.sleep(_AGAIN_AFTER)


class StruckGroups(Struck, _Groups):
    """On the local stack."""


class StruckServerGroups(StruckServers, _Groups):
    """On three instances of the server."""
