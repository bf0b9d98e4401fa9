"""Recording publishers over REST and WebSocket, which retry until they are answered."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tests.transcripts.clock import Backoff
from tests.transcripts.fragments import fragments
from tests.transcripts.outcomes import AGAIN, FAREWELLS, NoAnswer, Refused
from tests.transcripts.transcript import Publish, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from tests.transcripts.clock import Clock
    from tests.transcripts.transcript import Json

__all__ = ["Publisher", "RestRoute", "Route", "SocketRoute"]

_PATIENCE = 30.0
_SERVER_FAULT = 500


class Route(Protocol):
    """A transport to the hub, used by one publisher at a time."""

    async def publish(self, events: Sequence[Json], stream: str) -> list[dict[str, Any]]:
        """Results of one attempt.

        Raises:
            NoAnswer: None came, or one that leaves the outcome open.
            Refused: The hub will not store these events.
        """

    async def close(self) -> None:
        """Close the connections."""


class Publisher:
    """Publishes batches until each is answered, and records every attempt."""

    def __init__(self, name: str, route: Route, *, clock: Clock, random: Random) -> None:
        self.name = name
        self.publishes: list[Publish] = []
        self._route = route
        self._clock = clock
        self._backoff = Backoff(random)

    async def publish(self, events: Sequence[Json], stream: str) -> None:
        """Store a batch, whatever the number of attempts.

        Raises:
            Refused: The hub will not store these events.
        """
        while True:
            begun = self._clock.now()
            attempt = Publish(publisher=self.name, begun=begun, answered=None, events=tuple(events), stream=stream)
            index = len(self.publishes)
            # Recorded before its outcome is known, because a cancelled attempt may have been stored.
            self.publishes.append(attempt)
            try:
                results = await self._route.publish(events, stream)
            except NoAnswer:
                await asyncio.sleep(self._backoff.pause())
                continue
            answered = tuple(
                Result(result["stream"], result["sequence"], result["id"], duplicate=result["duplicate"])
                for result in results
            )
            self.publishes[index] = replace(attempt, answered=self._clock.now(), results=answered)
            self._backoff.worked()
            return

    async def close(self) -> None:
        """Close the connections."""
        await self._route.close()


class RestRoute:
    """`POST /api/v1/events`, batched.

    Args:
        url: Returns where the REST API is, for each request.
    """

    def __init__(self, url: Callable[[], str]) -> None:
        self._url = url
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_PATIENCE))

    async def publish(self, events: Sequence[Json], stream: str) -> list[dict[str, Any]]:
        body = json.dumps(list(events), separators=(",", ":"))
        headers = {"Content-Type": "application/cloudevents-batch+json"}
        try:
            url = f"{self._url()}/api/v1/events"
            async with self._session.post(url, params={"stream": stream}, data=body, headers=headers) as response:
                text = await response.text()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise NoAnswer from error
        if response.status >= _SERVER_FAULT:
            raise NoAnswer(f"{response.status} {text[:200]}")
        if not response.ok:
            raise Refused(f"{response.status} {text[:1000]}", json.loads(text).get("code", ""))
        results: list[dict[str, Any]] = json.loads(text)["results"]
        return results

    async def close(self) -> None:
        await self._session.close()


class SocketRoute:
    """The action `publish`, on successive connections.

    Args:
        url: Returns where to connect, each time.
    """

    def __init__(self, url: Callable[[], str]) -> None:
        self._url = url
        self._connection: ClientConnection | None = None
        self._requests = 0

    async def publish(self, events: Sequence[Json], stream: str) -> list[dict[str, Any]]:
        self._requests += 1
        name = f"r{self._requests}"
        message = {"action": "publish", "request": name, "events": list(events), "stream": stream}
        try:
            async with asyncio.timeout(_PATIENCE):
                answer = await self._ask(json.dumps(message, separators=(",", ":")), name)
        except (OSError, TimeoutError, WebSocketException) as error:
            # A late answer on this connection would be matched to a later request.
            await self.close()
            raise NoAnswer from error
        if answer.get("type") == "published":
            results: list[dict[str, Any]] = answer["results"]
            return results
        if "type" not in answer or answer.get("code") in AGAIN | FAREWELLS:
            raise NoAnswer(str(answer))
        raise Refused(str(answer), answer.get("code", ""))

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            await connection.close()

    async def _ask(self, message: str, name: str) -> dict[str, Any]:
        if self._connection is None:
            self._connection = await connect(self._url(), compression=None, ping_interval=None, proxy=None)
        await self._connection.send(fragments(message))
        while True:
            answer: dict[str, Any] = json.loads(await self._connection.recv())
            # API Gateway's message about a failed function has no type and no request.
            if answer.get("request") == name or "type" not in answer:
                return answer
