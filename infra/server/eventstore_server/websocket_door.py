"""The WebSocket API: the same handlers as behind API Gateway, called by this process."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import web
from websockets.frames import CloseCode

from eventstore.errors import EventstoreError, Refused, Unauthorized
from eventstore.subscriptions import Connection
from eventstore_hosting import handshake
from eventstore_hosting.http import SERVER
from eventstore_hosting.wire import Closure, Wire
from eventstore_server.call_scope import CallScope, call_scope
from eventstore_server.proxy_events import CallContext, Handshake, message_event
from eventstore_server.websocket_session import SharedText, WebSocketSession
from functions.websocket import app

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eventstore.subscriptions import ConnectionId
    from eventstore_server.authorizing import Authorizer
    from eventstore_server.limits import Limits
    from eventstore_server.sessions import Sessions
    from eventstore_server.telemetry import Telemetry
    from eventstore_server.worker_threads import WorkerThreads

__all__ = ["WebSocketDoor"]

_T = TypeVar("_T")
_UNRESPONSIVE = "unresponsive"
_LOGGER = logging.getLogger(__name__)

_DOOR = "websocket"
_PATHS = frozenset({"", "ws"})
_INTERNAL = json.dumps({"type": "error", "code": "internal", "detail": "the hub failed; its log has the details"})


class WebSocketDoor:
    """Opens WebSocket connections, and handles their messages.

    Args:
        sessions: The sessions of this instance.
        authorizer: Checks credentials.
        threads: Call the handlers.
        limits: Sizes and times.
        drained: Called when a client has read what it was sent, with its connection.
        telemetry: Measures and traces connections and messages.
    """

    def __init__(
        self,
        sessions: Sessions,
        authorizer: Authorizer,
        *,
        threads: WorkerThreads,
        limits: Limits,
        drained: Callable[[ConnectionId], None],
        telemetry: Telemetry,
    ) -> None:
        self._sessions = sessions
        self._authorizer = authorizer
        self._threads = threads
        self._limits = limits
        self._drained = drained
        self._metrics, self._tracing = telemetry.metrics, telemetry.tracing
        self._counts = self._metrics.frame_counts(_DOOR)
        self._shared = SharedText()
        self._open: set[_OpenConnection] = set()
        self._endings: set[asyncio.Task[None]] = set()
        self._closing: tuple[str, str] | None = None

    def claims(self, request: web.BaseRequest) -> bool:
        """Return whether a request asks for a WebSocket connection to this API."""
        return handshake.is_upgrade(request) and request.raw_path.partition("?")[0].strip("/") in _PATHS

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Open the connection that a request asks for, and return when it has ended; or refuse it."""
        transport = request.transport
        if transport is None:
            return web.Response(status=HTTPStatus.BAD_REQUEST)
        try:
            handshake.check(request)
        except handshake.HandshakeError as error:
            return _refusal(error.status, error.message, error.headers)
        opened = Handshake(self._sessions.new_id(), int(time.time() * 1000), request)
        session = WebSocketSession(
            Connection(opened.connection_id, "", opened.opened),
            shared=self._shared,
            buffer_bytes=self._limits.buffer_bytes,
            drained=lambda session: self._drained(session.connection.id),
            counts=self._counts,
        )
        self._sessions.add(session)
        try:
            try:
                check = partial(self._authorizer.context_of, opened.connect_event())
                authorizer = await self._in_thread(check, opened.connection_id)
            except Refused as error:
                is_unknown = isinstance(error, Unauthorized)
                return _refusal(HTTPStatus.UNAUTHORIZED if is_unknown else HTTPStatus.FORBIDDEN, error.detail)
            except EventstoreError as error:
                _LOGGER.warning("%s: %s", error.code, error.detail)
                return _refusal(HTTPStatus.SERVICE_UNAVAILABLE, error.detail)
            answer = await self._call(opened.connect_event(authorizer=authorizer))
            if answer["statusCode"] != HTTPStatus.OK:
                return _refusal(answer["statusCode"], str(answer.get("body") or ""))
            protocol = (answer.get("headers") or {}).get("Sec-WebSocket-Protocol")
            session.connection = Connection(opened.connection_id, protocol or "", opened.opened)
            return await self._upgrade(request, transport, session, protocol, authorizer)
        finally:
            self._sessions.remove(opened.connection_id)

    async def stop(self, *, code: str, detail: str) -> None:
        """Close every connection, and wait until the clients have confirmed it, or their time is over."""
        self._closing = (code, detail)
        connections = list(self._open)
        for connection in connections:
            connection.session.close(code, detail)
        for connection in connections:
            await connection.wire.gone.wait()
        if self._endings:
            await asyncio.wait(self._endings)

    def ping(self) -> None:
        """Send every client a ping, and end the connections of those that did not answer the last one."""
        for connection in list(self._open):
            connection.ping()

    async def _upgrade(
        self,
        request: web.BaseRequest,
        transport: asyncio.Transport,
        session: WebSocketSession,
        protocol: str | None,
        authorizer: Mapping[str, str] | None,
    ) -> web.StreamResponse:
        headers = {"Server": SERVER, **handshake.accepted(request, subprotocol=protocol)}
        response = web.StreamResponse(status=HTTPStatus.SWITCHING_PROTOCOLS, headers=headers)
        connection = _OpenConnection(self, session, authorizer)
        connection.wire = Wire(
            request,
            transport,
            limits=self._limits,
            received=connection.receive,
            ended=connection.end,
            drained=session.drain,
        )
        try:
            await response.prepare(request)
        except ConnectionError:
            await self._disconnect(session, Closure(CloseCode.ABNORMAL_CLOSURE, ""))
            return response
        self._open.add(connection)
        self._metrics.opened.add(_DOOR)
        session.open(connection.wire)
        session.release()
        lifetime = asyncio.get_running_loop().call_later(self._limits.lifetime_seconds, connection.go_away)
        try:
            connection.wire.start()
            if self._closing is not None:
                # The handshake had begun when the server began to stop.
                session.close(*self._closing)
            await connection.wire.gone.wait()
        finally:
            lifetime.cancel()
            self._open.discard(connection)
        return response

    async def answer(self, session: WebSocketSession, text: str, authorizer: Mapping[str, str] | None) -> None:
        """Handle a message of a client, and send the response."""
        holds = '"subscribe"' in text
        if holds:
            session.hold()
        began = time.monotonic()
        try:
            answer = await self._call(message_event(session.connection.id, text, authorizer=authorizer))
            body = str(answer.get("body") or "")
        except Exception:
            _LOGGER.exception("a message of connection %s failed", session.connection.id)
            body = _INTERNAL
        protocol = session.connection.protocol
        self._metrics.messages.add(protocol)
        self._metrics.message_seconds.observe(time.monotonic() - began, protocol)
        if body:
            session.send(body.encode())
        if holds:
            session.release()

    def ended(self, session: WebSocketSession, closure: Closure) -> None:
        """Remove a connection that has ended, and its subscriptions."""
        self._metrics.disconnects.add(_DOOR, session.closed_by or _reason_of(closure))
        self._sessions.remove(session.connection.id)
        ending = asyncio.get_running_loop().create_task(self._disconnect(session, closure))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    async def _disconnect(self, session: WebSocketSession, closure: Closure) -> None:
        ending = {"disconnectStatusCode": closure.code, "disconnectReason": closure.reason}
        context = {"connectionId": session.connection.id, "eventType": "DISCONNECT", **ending}
        try:
            await self._call({"requestContext": context})
        except EventstoreError as error:
            # The instance that sweeps removes it later.
            _LOGGER.warning("%s: %s", error.code, error.detail)

    async def _call(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        context: Any = CallContext.starting_now("", time.monotonic)
        kind = event["requestContext"]["eventType"].lower()

        def handle() -> Mapping[str, Any]:
            with self._tracing.span(f"websocket {kind}", kind="server", attributes={"eventstore.door": _DOOR}):
                return app.handler(event, context)

        return await self._in_thread(handle, event["requestContext"]["connectionId"])

    async def _in_thread(self, call: Callable[[], _T], connection_id: ConnectionId) -> _T:
        def work() -> _T:
            with call_scope(CallScope(_DOOR, connection_id=connection_id)):
                return call()

        return await self._threads.run(work)


class _OpenConnection:
    """An open connection, whose messages are handled one after the other."""

    wire: Wire

    def __init__(self, door: WebSocketDoor, session: WebSocketSession, authorizer: Mapping[str, str] | None) -> None:
        self._door = door
        self.session = session
        self._authorizer = authorizer
        self._messages: deque[str] = deque()
        self._handling: asyncio.Task[None] | None = None
        self._pinged_at = 0.0

    def receive(self, text: str) -> None:
        self._messages.append(text)
        self.wire.hold(len(self._messages) > _MOST_WAITING)
        if self._handling is None:
            self._handling = asyncio.get_running_loop().create_task(self._handle())

    def end(self, closure: Closure) -> None:
        self._messages.clear()
        self._door.ended(self.session, closure)

    def go_away(self) -> None:
        self.session.closed_by = self.session.closed_by or "lifetime"
        self.wire.close(CloseCode.GOING_AWAY, "Going away")

    def ping(self) -> None:
        if self._pinged_at and self.wire.is_silent_since(self._pinged_at):
            self.session.closed_by = self.session.closed_by or _UNRESPONSIVE
            self.wire.abort()
            return
        self._pinged_at = asyncio.get_running_loop().time()
        self.wire.ping()

    async def _handle(self) -> None:
        while self._messages:
            text = self._messages.popleft()
            self.wire.hold(len(self._messages) > _MOST_WAITING)
            await self._door.answer(self.session, text, self._authorizer)
        self._handling = None


def _reason_of(closure: Closure) -> str:
    """Return why a connection has ended that this side did not want to end."""
    if closure.code == CloseCode.ABNORMAL_CLOSURE:
        return "lost"
    return "error" if closure.code in _ERRORS else "closed"


_ERRORS = frozenset(
    {
        CloseCode.PROTOCOL_ERROR,
        CloseCode.UNSUPPORTED_DATA,
        CloseCode.INVALID_DATA,
        CloseCode.MESSAGE_TOO_BIG,
        CloseCode.INTERNAL_ERROR,
    }
)
"""What the wire closes a connection with because of what the client sent, and what a client reports."""

_MOST_WAITING = 64
"""The number of messages of a client that wait to be handled, before no more are read."""


def _refusal(status: int, detail: str, headers: Mapping[str, str] | None = None) -> web.Response:
    response = web.Response(status=status, text=detail, headers={"Server": SERVER, **(headers or {})})
    response.force_close()
    return response
