"""The simulated hub behind HTTP and WebSocket on 127.0.0.1, with the calls that the recording clients use."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from tests.unit.transcripts.simulated_hub import SimulatedHub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.transcripts.transcript import Json
    from tests.unit.transcripts.simulated_hub import Subscription

__all__ = ["SimulatedServer"]


class SimulatedServer:
    """Implements `HubControls`: a killed function cuts connections, a restarted cache refuses one publish.

    Attributes:
        spoil: Given every frame before it is sent; it returns what is sent instead, or `None` to lose it.
        lose_answers: How many publishes are stored and not answered.
        unanswered_subscribes: How many subscribe requests are not answered.
        refuse_subscribes: The code of the error that they are answered with.
        strikes: What was done to it.
    """

    def __init__(self) -> None:
        self.hub = SimulatedHub()
        self.rest_url = self.ws_url = ""
        self.spoil: Callable[[Json], Json | None] = lambda frame: frame
        self.lose_answers = 0
        self.unanswered_subscribes = 0
        self.refuse_subscribes = ""
        self.strikes: list[str] = []
        self._refuse = 0
        self._frames = 0
        self._sending = asyncio.Event()
        self._connections: set[_Connection] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[SimulatedServer]:
        app = web.Application(client_max_size=1 << 22)
        app.router.add_post("/api/v1/events", self._post)
        app.router.add_get("/api/v1/streams/{stream}", self._stream)
        app.router.add_get("/api/v1/streams/{stream}/events", self._events)
        app.router.add_get("/ws", self._socket)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.rest_url, self.ws_url = f"http://{host}:{port}", f"ws://{host}:{port}/ws"
        try:
            yield self
        finally:
            await self.cut()
            await runner.cleanup()

    async def kill(self, process: str) -> None:
        self.strikes.append(process)
        await self.cut()

    async def pause(self, process: str) -> None:
        self.strikes.append(f"{process} hangs")

    async def kill_caller(self, port: int) -> None:
        raise AssertionError(f"it calls nobody, and has no port {port}")

    async def restart_cache(self) -> None:
        self.strikes.append("cache")
        self._refuse += 1

    async def fire_sweep(self) -> None:
        self.strikes.append("sweep")

    async def cut(self) -> None:
        for connection in list(self._connections):
            connection.cut()
        await asyncio.sleep(0)

    def publish(self, events: list[dict[str, Any]], stream: str) -> list[dict[str, Any]] | None:
        """The results, or `None` if the store is unavailable."""
        if self._refuse:
            self._refuse -= 1
            return None
        results = self.hub.publish(events, stream)
        for connection in self._connections:
            connection.news.set()
        return results

    def count_frame(self) -> None:
        self._frames += 1
        self._sending.set()

    async def sent(self, frames: int) -> None:
        """Wait until `count` frames were sent in total."""
        while self._frames < frames:
            self._sending.clear()
            await self._sending.wait()

    def answer_is_lost(self) -> bool:
        self.lose_answers -= 1
        return self.lose_answers >= 0

    async def _post(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/cloudevents-batch+json"
        results = self.publish(await request.json(), request.query["stream"])
        if results is None:
            return web.json_response({"code": "store-unavailable"}, status=503)
        if self.answer_is_lost():
            assert request.transport
            request.transport.abort()
        return web.json_response({"results": results}, status=201)

    async def _stream(self, request: web.Request) -> web.Response:
        name = request.match_info["stream"]
        if name not in self.hub.streams:
            raise web.HTTPNotFound
        return web.json_response({"id": name, "first": self.hub.first[name], "head": len(self.hub.streams[name])})

    async def _events(self, request: web.Request) -> web.Response:
        name = request.match_info["stream"]
        start = int(request.query.get("cursor", self.hub.first[name]))
        end = start + 7  # pages may be shorter than the limit
        kept = self.hub.streams[name]
        following = {"next": str(end)} if end <= len(kept) else {}
        return web.json_response({"stream": name, "events": kept[start - 1 : end - 1], **following})

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        connection = _Connection(self, request)
        self._connections.add(connection)
        try:
            return await connection.serve()
        finally:
            self._connections.discard(connection)


class _Connection:
    def __init__(self, server: SimulatedServer, request: web.Request) -> None:
        self.news = asyncio.Event()
        self._server = server
        self._request = request
        self._socket = web.WebSocketResponse(protocols=["eventstore.v1"])
        self._subscriptions: list[Subscription] = []

    def cut(self) -> None:
        if self._request.transport:
            self._request.transport.abort()

    async def serve(self) -> web.WebSocketResponse:
        await self._socket.prepare(self._request)
        pump = asyncio.create_task(self._pump())
        try:
            async for message in self._socket:
                if message.type is WSMsgType.TEXT:
                    await self._take(json.loads(message.data))
        except ConnectionError:
            pass
        finally:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)
        return self._socket

    async def _take(self, message: dict[str, Any]) -> None:
        match message["action"]:
            case "publish":
                results = self._server.publish(message["events"], message["stream"])
                answer = {"type": "published", "results": results}
                if results is None:
                    answer = {"type": "error", "code": "store-unavailable", "detail": "away"}
                elif self._server.answer_is_lost():
                    self.cut()
                    return
                await self._socket.send_json({**answer, "request": message["request"]})
            case "subscribe":
                assert set(message) <= {"action", "id", "filters", "stream", "from", "cursor"}
                if code := self._server.refuse_subscribes:
                    await self._socket.send_json({"type": "error", "code": code, "id": message["id"], "detail": ""})
                    return
                subscription, answer = self._server.hub.subscribe(message)
                self._subscriptions.append(subscription)
                self.news.set()
                if self._server.unanswered_subscribes:
                    self._server.unanswered_subscribes -= 1
                else:
                    await self._socket.send_json(answer)

    async def _pump(self) -> None:
        while await self.news.wait():
            self.news.clear()
            for subscription in self._subscriptions:
                for partition in subscription.partitions:
                    while frame := subscription.turn(partition):
                        spoiled = self._server.spoil(frame)
                        if spoiled is not None:
                            await self._socket.send_json(spoiled)
                            self._server.count_frame()
