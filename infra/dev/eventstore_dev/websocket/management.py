"""The @connections API: what functions send to clients, ask of connections, and close.

Rules: API Gateway Developer Guide, "Use @connections commands in your backend service"; API Reference, "Amazon API
Gateway Management API".
"""

from __future__ import annotations

import binascii
import json
import re
import time
from base64 import b64decode
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

from aiohttp import web
from websockets.frames import CloseCode

from eventstore_dev.invocation import Limits, new_request_id
from eventstore_hosting.http import read_body
from eventstore_hosting.wire import GoneError, StalledError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore_dev.terminal import Terminal
    from eventstore_dev.websocket.connection import Connection

_PATH = re.compile(r"(?:/([^/?]+))?/@connections/([^/?]+)")


class ConnectionsApi:
    """Serves `/@connections/ID` and `/STAGE/@connections/ID`, for connections that are open."""

    def __init__(self, connections: Mapping[str, Connection], *, limits: Limits, terminal: Terminal) -> None:
        self._connections = connections
        self._limits = limits
        self._terminal = terminal

    def claims(self, request: web.BaseRequest) -> bool:
        """Whether a request is for this API."""
        return "/@connections/" in request.raw_path and _PATH.match(request.raw_path) is not None

    async def serve(self, request: web.BaseRequest) -> web.Response:
        """Answers a request of an AWS client. Signatures are not checked."""
        began = time.perf_counter()
        try:
            response = await self._answer(request)
        except _RefusalError as refusal:
            response = refusal.response()
        except GoneError:
            response = _RefusalError(410, "GoneException", "The connection does not exist any more").response()
        except StalledError:
            message = "The client reads too slowly: its buffer is full"
            response = _RefusalError(429, "LimitExceededException", message).response()
        response.headers["x-amzn-RequestId"] = new_request_id()
        if self._terminal.verbose:
            seconds = time.perf_counter() - began
            self._terminal.access(request.method, request.raw_path, response.status, seconds=seconds, outcome=None)
        return response

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        operation = self._operations.get(request.method)
        if operation is None:
            raise _RefusalError(403, "ForbiddenException", f"{request.method} is none of POST, GET and DELETE")
        return await operation(self, request)

    async def _post(self, request: web.BaseRequest) -> web.Response:
        text = await read_body(request, limit=self._limits.websocket_message)
        if text is None:
            message = f"A message has {self._limits.websocket_message} bytes at most"
            raise _RefusalError(413, "PayloadTooLargeException", message)
        if not text:
            raise _RefusalError(400, "BadRequestException", "A message has one byte at least")
        try:
            text.decode()
        except UnicodeDecodeError as error:
            raise _RefusalError(400, "BadRequestException", f"A message must be UTF-8 text: {error}") from error
        await self._called(request).send(text)
        return web.Response()

    async def _get(self, request: web.BaseRequest) -> web.Response:
        connection = self._called(request)
        client = connection.client
        told = {
            "connectedAt": _iso(client.connected_at),
            "identity": {"sourceIp": client.source_ip, "userAgent": client.user_agent or ""},
            "lastActiveAt": _iso(connection.last_active_at),
        }
        return web.Response(body=json.dumps(told).encode(), content_type="application/json")

    async def _delete(self, request: web.BaseRequest) -> web.Response:
        self._called(request).close(CloseCode.NORMAL_CLOSURE, "")
        return web.Response(status=204)

    _operations = {"POST": _post, "GET": _get, "DELETE": _delete}  # noqa: RUF012 - it does not change

    def _called(self, request: web.BaseRequest) -> Connection:
        path = _PATH.match(request.raw_path)
        connection_id = unquote(path[2]) if path is not None else ""
        if not _is_id(connection_id):
            raise _RefusalError(400, "BadRequestException", f"Invalid connectionId: {connection_id}")
        connection = self._connections.get(connection_id)
        if path is None or connection is None or path[1] not in {None, connection.client.stage}:
            raise GoneError
        return connection


class _RefusalError(Exception):
    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message

    def response(self) -> web.Response:
        body = json.dumps({"message": self.message}).encode()
        headers = {"x-amzn-ErrorType": self.error}
        return web.Response(status=self.status, body=body, content_type="application/json", headers=headers)


def _is_id(text: str) -> bool:
    """Whether an id could be one of a connection. All that were ever seen are base64; their length may change."""
    try:
        return bool(b64decode(text, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        return False


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
