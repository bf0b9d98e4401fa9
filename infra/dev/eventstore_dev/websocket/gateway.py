"""The front door of WebSocket APIs: connections open, messages find their routes, ends are told.

Rules: API Gateway Developer Guide, "Overview of WebSocket APIs in API Gateway", "Manage connected users and client
apps: $connect and $disconnect routes", "WebSocket APIs that require a subprotocol" and "Set up route responses for
WebSocket APIs in API Gateway".
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web
from websockets.frames import CloseCode

from eventstore_dev.authorizers import Authorizers, Grant, Refusal, method_arn
from eventstore_dev.invocation import Callee, Limits, new_trace_id
from eventstore_dev.websocket.clock import Clock, LoopClock
from eventstore_dev.websocket.connection import Connection
from eventstore_dev.websocket.declared import CONNECT, DISCONNECT
from eventstore_dev.websocket.event import (
    Client,
    encode_connect,
    encode_disconnect,
    encode_message,
    encode_question,
    new_id,
)
from eventstore_dev.websocket.integration import Integration, Result
from eventstore_dev.websocket.management import ConnectionsApi
from eventstore_dev.websocket.notice import FORBIDDEN, encode_notice, failure_of, refusal_of
from eventstore_hosting import handshake
from eventstore_hosting.wire import Closure, GoneError, StalledError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from eventstore_dev.invocation import Outcome
    from eventstore_dev.terminal import Terminal
    from eventstore_dev.websocket.declared import WebSocketApi


class WebSocketGateway:
    """Serves WebSocket APIs at `/STAGE`, and the first one at `/` too. The callees may change meanwhile."""

    def __init__(
        self, callees: Mapping[str, Callee], *, limits: Limits, terminal: Terminal, clock: Clock | None = None
    ) -> None:
        self._apis: dict[str, WebSocketApi] = {}
        self._limits = limits
        self._terminal = terminal
        self._clock = clock or LoopClock()
        self._integration = Integration(callees, limits=limits, terminal=terminal)
        self._authorizers = Authorizers(callees, limits=limits, terminal=terminal)
        self._connections: dict[str, Connection] = {}
        self._all: set[Connection] = set()
        self._endings: set[asyncio.Task[None]] = set()
        self.management = ConnectionsApi(self._connections, limits=limits, terminal=terminal)

    def route(self, apis: Iterable[WebSocketApi]) -> None:
        """Serves these APIs from the next connection and the next message on; connections stay open."""
        self._apis = {api.name: api for api in apis}

    def claims(self, request: web.BaseRequest) -> bool:
        """Whether a request asks for a connection to one of the APIs."""
        return handshake.is_upgrade(request) and self._addressed(request) is not None

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Opens the connection that a request asks for, and returns when it is over; or refuses it."""
        api = self._addressed(request)
        transport = request.transport
        if api is None or transport is None:
            return web.Response(status=HTTPStatus.FORBIDDEN)
        began, request_id = time.perf_counter(), new_id()
        client = self._client(request, api, transport.get_extra_info("sockname")[1])
        refusal = None
        try:
            handshake.check(request)
        except handshake.HandshakeError as error:
            result = Result(error.status)
            refusal = refusal_of(error.status, client, request_id, message=error.message, headers=error.headers)
        else:
            asked = await self._ask(api, client, request, request_id)
            if isinstance(asked, Refusal):
                result = Result(asked.status)
                refusal = refusal_of(asked.status, client, request_id, body=asked.body)
            else:
                client = replace(client, authorizer=asked.context) if asked is not None else client
                result = await self._connect(api, client, request, request_id)
                if not _opens(result):
                    refusal = refusal_of(result.status, client, request_id)
        status = HTTPStatus.SWITCHING_PROTOCOLS if refusal is None else refusal.status
        self._log("OPEN", client, status=status, began=began, outcome=result.outcome)
        return await self._open(request, transport, client, result) if refusal is None else refusal

    async def message(self, connection: Connection, text: str) -> None:
        """Hands a message to the function of its route, and what that answers to the client, if the route answers."""
        began, request_id, client = time.perf_counter(), new_id(), connection.client
        api = self._apis.get(client.api)
        route = api.select(text) if api is not None else None
        if route is None:
            self._log("ROUTE", client, status=HTTPStatus.FORBIDDEN, began=began)
            await self._tell(connection, FORBIDDEN, request_id)
            return
        event = encode_message(client, route.key, text, now=self._clock.now(), request_id=request_id)
        result = await self._integration.call(route, event, trace_id=new_trace_id())
        self._log("ROUTE", client, route.key, status=result.status, began=began, outcome=result.outcome)
        if result.answer is None or not result.answer.is_good:
            await self._tell(connection, failure_of(result.status), request_id)
        elif route.answers and result.answer.body:
            await self._send(connection, result.answer.body)

    def ended(self, connection: Connection, closure: Closure) -> None:
        """Forgets a connection, and calls `$disconnect`, once and for whatever it may bring."""
        self._connections.pop(connection.client.connection_id, None)
        lived = self._clock.now() - connection.client.connected_at
        self._terminal.access("CLOSE", _place(connection.client), closure.code, seconds=lived, outcome=None)
        ending = asyncio.create_task(self._disconnect(connection.client, closure))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    async def stop(self) -> None:
        """Closes every connection with 1001. Clients and `$disconnect` have a while for it, and no more."""
        open_connections = list(self._all)
        for connection in open_connections:
            connection.close(CloseCode.GOING_AWAY, "Going away")
        with suppress(TimeoutError):
            async with asyncio.timeout(self._limits.websocket_closing_seconds):
                await asyncio.gather(*self._endings, *(one.wait_until_gone() for one in open_connections))
        for connection in open_connections:
            connection.abort()
        for ending in self._endings:
            ending.cancel()

    def _addressed(self, request: web.BaseRequest) -> WebSocketApi | None:
        stage = request.raw_path.partition("?")[0].strip("/")
        return next((api for api in self._apis.values() if stage in {"", api.stage}), None)

    def _client(self, request: web.BaseRequest, api: WebSocketApi, port: int) -> Client:
        return Client(
            connection_id=new_id(),
            api=api.name,
            stage=api.stage,
            domain=f"127.0.0.1:{port}",
            source_ip=request.remote or "127.0.0.1",
            user_agent=request.headers.get("User-Agent"),
            connected_at=self._clock.now(),
        )

    async def _ask(
        self, api: WebSocketApi, client: Client, request: web.BaseRequest, request_id: str
    ) -> Grant | Refusal | None:
        """What the API's authorizer says of a handshake; None, if it has none."""
        if api.authorizer is None:
            return None
        trace_id, arn = new_trace_id(), method_arn(api.name, api.stage, CONNECT)
        event = encode_question(
            client,
            arn=arn,
            headers=request.headers.items(),
            query=request.raw_path.partition("?")[2],
            now=self._clock.now(),
            request_id=request_id,
            trace_id=trace_id,
        )
        return await self._authorizers.ask(api.authorizer, event, arn=arn, trace_id=trace_id)

    async def _connect(self, api: WebSocketApi, client: Client, request: web.BaseRequest, request_id: str) -> Result:
        route = api.routes.get(CONNECT)
        if route is None:
            return Result(HTTPStatus.OK)
        trace_id = new_trace_id()
        event = encode_connect(
            client,
            headers=request.headers.items(),
            query=request.raw_path.partition("?")[2],
            now=self._clock.now(),
            request_id=request_id,
            trace_id=trace_id,
        )
        return await self._integration.call(route, event, trace_id=trace_id)

    async def _open(
        self, request: web.BaseRequest, transport: asyncio.Transport, client: Client, result: Result
    ) -> web.StreamResponse:
        subprotocol = result.answer.subprotocol if result.answer is not None else None
        response = web.StreamResponse(
            status=HTTPStatus.SWITCHING_PROTOCOLS,
            headers={"Server": "eventstore-dev", **handshake.accepted(request, subprotocol=subprotocol)},
        )
        connection = Connection(client, request, transport, self, limits=self._limits, clock=self._clock)
        try:
            await response.prepare(request)
        except ConnectionError:
            # The client did not wait for $connect, which has opened what now must be closed.
            self.ended(connection, Closure(CloseCode.ABNORMAL_CLOSURE, "Connection closed before it was open"))
            return response
        self._connections[client.connection_id] = connection
        self._all.add(connection)
        try:
            connection.start()
            await connection.wait_until_gone()
        finally:
            self._all.discard(connection)
        return response

    async def _disconnect(self, client: Client, closure: Closure) -> None:
        api = self._apis.get(client.api)
        route = api.routes.get(DISCONNECT) if api is not None else None
        if route is not None:
            event = encode_disconnect(client, closure, now=self._clock.now(), request_id=new_id())
            await self._integration.call(route, event, trace_id=new_trace_id())

    async def _tell(self, connection: Connection, message: str, request_id: str) -> None:
        await self._send(connection, encode_notice(message, connection.client, request_id))

    async def _send(self, connection: Connection, text: bytes) -> None:
        try:
            await connection.send(text)
        except GoneError:
            return
        except StalledError:
            self._terminal.complain(f"{_place(connection.client)} does not read; an answer to it is lost")

    def _log(
        self, verb: str, client: Client, what: str = "", *, status: int, began: float, outcome: Outcome | None = None
    ) -> None:
        place = f"{_place(client)} {what}".rstrip()
        self._terminal.access(verb, place, status, seconds=time.perf_counter() - began, outcome=outcome)


def _opens(result: Result) -> bool:
    return result.answer.is_good if result.answer is not None else result.status == HTTPStatus.OK


def _place(client: Client) -> str:
    return f"/{client.stage} {client.connection_id}"
