"""The Lambda Runtime API, one for each execution environment.

Rules: AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes". The environment asks for the next
invocation, and the answer is held back until there is one; it then posts a response or an error.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

from aiohttp import web

from eventstore_dev.invocation import Limits, failure

if TYPE_CHECKING:
    from eventstore_dev.invocation import Invocation
    from eventstore_dev.template import Function

_PREFIX = "/2018-06-01/runtime/"
# The runtime client describes an error to X-Ray in one header, of up to a mebibyte.
_HEADER_LIMIT = 2 * 1024 * 1024
# The process is gone by then. aiohttp takes 0 for no limit.
_SHUTDOWN_SECONDS = 0.01


class RuntimeApi:
    """Serves one environment on a port of its own.

    `initialised` is done when the environment asks for its first invocation, or has failed to get that far; then it
    holds the failure's JSON. `ending` says that the environment is about to end by itself.
    """

    def __init__(self, function: Function, *, limits: Limits) -> None:
        self.address = ""
        self.ending = False
        loop = asyncio.get_running_loop()
        self.initialised: asyncio.Future[bytes | None] = loop.create_future()
        self._function = function
        self._limits = limits
        self._given: asyncio.Future[Invocation] = loop.create_future()
        self._answer: asyncio.Future[tuple[bytes, bool]] = loop.create_future()
        self._current = ""
        self._runner: web.ServerRunner | None = None

    async def start(self) -> None:
        """Listens; `address` says where."""
        server = web.Server(
            self._serve,
            access_log=None,
            max_field_size=_HEADER_LIMIT,
            max_line_size=_HEADER_LIMIT,
            keepalive_timeout=24 * 3600,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_SECONDS)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.address = f"{host}:{port}"

    async def stop(self) -> None:
        """Closes what is open; a process that still waits for an invocation is let go."""
        self._given.cancel()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def give(self, invocation: Invocation) -> asyncio.Future[tuple[bytes, bool]]:
        """Hands the environment its next invocation; the result is its payload, and whether that tells of an error."""
        self._answer = asyncio.get_running_loop().create_future()
        self._given.set_result(invocation)
        return self._answer

    def fail(self, payload: bytes) -> None:
        """Ends what the environment is at: its start, or the invocation that it has."""
        if not self.initialised.done():
            self.initialised.set_result(payload)
        if not self._answer.done():
            self._answer.set_result((payload, True))

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        # Nobody but the environment has business here: no page, and none whose name was made to lead here.
        if request.host != self.address or "Origin" in request.headers:
            return _refusal(403, "Forbidden", "The Runtime API is for its execution environment alone")
        path = request.path.removeprefix(_PREFIX)
        if request.method == "GET" and path == "invocation/next":
            return await self._next()
        if request.method == "POST":
            body = await self._body(request)
            if path == "init/error":
                self.fail(body)
                return _accepted()
            where, _, what = path.rpartition("/")
            if where == f"invocation/{self._current}" and what in {"response", "error"} and not self._answer.done():
                return self._take(body, failed=what == "error")
            if where.startswith("invocation/"):
                return _refusal(400, "InvalidRequestID", "The invocation is over, or never was")
        return _refusal(404, "NotFound", f"The Runtime API has no {request.method} {request.path}")

    async def _body(self, request: web.BaseRequest) -> bytes:
        """A body, up to the first byte that is too many. The rest is read and dropped: the client sends all of it."""
        body = bytearray()
        # Not request.read(): that stops at a mebibyte.
        async for part in request.content.iter_any():
            body += part[: self._limits.response + 1 - len(body)]
        return bytes(body)

    async def _next(self) -> web.Response:
        if not self.initialised.done():
            self.initialised.set_result(None)
        invocation = await self._given
        self._given = asyncio.get_running_loop().create_future()
        self._current = invocation.request_id
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + self._function.timeout) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": self._function.arn,
        }
        if invocation.trace_id:
            headers["Lambda-Runtime-Trace-Id"] = invocation.trace_id
        if invocation.client_context:
            headers["Lambda-Runtime-Client-Context"] = invocation.client_context
        return web.Response(body=invocation.payload, headers=headers, content_type="application/json")

    def _take(self, body: bytes, *, failed: bool) -> web.Response:
        if len(body) > self._limits.response:
            # The runtime client ends itself when its answer is refused.
            self.ending = True
            message = f"Response payload size exceeded maximum allowed payload size ({self._limits.response} bytes)."
            self._answer.set_result((failure("Function.ResponseSizeTooLarge", message), True))
            return _refusal(413, "RequestEntityTooLarge", message)
        self._answer.set_result((body, failed))
        return _accepted()


def _accepted() -> web.Response:
    return web.Response(status=202, body=b'{"status":"OK"}', content_type="application/json")


def _refusal(status: int, kind: str, message: str) -> web.Response:
    body = json.dumps({"errorMessage": message, "errorType": kind}).encode()
    return web.Response(status=status, body=body, content_type="application/json")
