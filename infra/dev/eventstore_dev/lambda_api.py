"""The Lambda API's Invoke, so that an AWS client with this stack as its endpoint can call functions.

Rules: AWS Lambda API Reference, "Invoke"; Developer Guide, "Invoking a function asynchronously".
"""

from __future__ import annotations

import asyncio
import json
import re
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING
from urllib.parse import unquote

from aiohttp import web

from eventstore_dev.aws_names import arn
from eventstore_dev.invocation import Invocation, Limits, new_request_id, new_trace_id
from eventstore_hosting.http import read_body

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from eventstore_dev.pool import Pool
    from eventstore_dev.terminal import Terminal

PREFIX = "/2015-03-31/functions/"
_INVOKE = re.compile(re.escape(PREFIX) + r"([^/]+)/invocations/?")
# A name, `ACCOUNT:function:NAME`, or an ARN, each perhaps with a qualifier.
_NAME = re.compile(r"(?:(?:arn:[^:]+:lambda:[^:]*:)?\d*:?function:)?([A-Za-z0-9-_]+)(?::([A-Za-z0-9$_-]+))?")


class LambdaApi:
    """Invokes the functions of the pools, by `FunctionName` or logical id. The mapping may change meanwhile."""

    def __init__(self, pools: Mapping[str, Pool], *, limits: Limits, terminal: Terminal) -> None:
        self._pools = pools
        self._limits = limits
        self._terminal = terminal
        self._events: set[asyncio.Task[None]] = set()
        self._guarded: Collection[str] = ()

    def guard(self, functions: Collection[str]) -> None:
        """Takes events of these, by logical id, only as long as they do not say who calls.

        In front of them stands an authorizer; what it says reaches them by their API alone.
        """
        self._guarded = functions

    async def serve(self, request: web.BaseRequest) -> web.Response:
        """Answers a request of an AWS client."""
        request_id = new_request_id()
        try:
            response = await self._answer(request, request_id)
        except _RefusalError as refusal:
            response = refusal.response()
        response.headers["x-amzn-RequestId"] = request_id
        return response

    def call_later(self, pool: Pool, invocation: Invocation) -> None:
        """Calls asynchronously, as for an invocation of the type Event."""
        event = asyncio.create_task(self._call_until_well(pool, invocation))
        self._events.add(event)
        event.add_done_callback(self._events.discard)

    def stop(self) -> None:
        """Forgets the asynchronous calls that are under way."""
        for event in self._events:
            event.cancel()

    async def _answer(self, request: web.BaseRequest, request_id: str) -> web.Response:
        pool = self._called(request)
        how = request.headers.get("X-Amz-Invocation-Type", "RequestResponse")
        if how not in {"RequestResponse", "Event", "DryRun"}:
            raise _RefusalError(400, "InvalidParameterValueException", f"The invocation type {how!r} is not known")
        payload = await self._payload(request, how)
        self._require_no_caller(pool, payload)
        if how == "DryRun":
            return web.Response(status=204)
        invocation = Invocation(payload, request_id, new_trace_id(), _client_context(request))
        if how == "Event":
            self.call_later(pool, invocation)
            return web.Response(status=202)
        return await self._call(pool, invocation, tail=request.headers.get("X-Amz-Log-Type") == "Tail")

    def _called(self, request: web.BaseRequest) -> Pool:
        operation = _INVOKE.fullmatch(request.raw_path.partition("?")[0])
        if operation is None or request.method != "POST":
            only = f"Of the Lambda API only Invoke is here: POST {PREFIX}NAME/invocations"
            raise _RefusalError(404, "UnknownOperationException", only)
        called = unquote(operation[1])
        named = _NAME.fullmatch(called)
        name = named[1] if named else called
        for logical_id, pool in self._pools.items():
            if name in {pool.function.name, logical_id}:
                return pool
        known = ", ".join(sorted(self._pools)) or "none"
        missing = f"Function not found: {arn('AWS::Serverless::Function', name)} (there are {known})"
        raise _RefusalError(404, "ResourceNotFoundException", missing)

    async def _payload(self, request: web.BaseRequest, how: str) -> bytes:
        limit = self._limits.event_payload if how == "Event" else self._limits.payload
        payload = await read_body(request, limit=limit)
        if payload is None:
            message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
            raise _RefusalError(413, "RequestTooLargeException", message)
        try:
            json.loads(payload or b"{}")
        except ValueError as error:
            message = f"Could not parse request body into json: {error}"
            raise _RefusalError(400, "InvalidRequestContentException", message) from error
        return payload or b"{}"

    def _require_no_caller(self, pool: Pool, payload: bytes) -> None:
        if pool.function.logical_id not in self._guarded:
            return
        event = json.loads(payload)
        context = event.get("requestContext") if isinstance(event, dict) else None
        if isinstance(context, dict) and "authorizer" in context:
            message = (
                f"{pool.function.name} stands behind an authorizer, and only its API may say who calls: "
                "requestContext.authorizer is not taken from Invoke. Call the API, with a credential"
            )
            raise _RefusalError(403, "AccessDeniedException", message)

    async def _call(self, pool: Pool, invocation: Invocation, *, tail: bool) -> web.Response:
        outcome = await asyncio.shield(asyncio.create_task(pool.invoke(invocation)))
        headers = {"X-Amz-Executed-Version": "$LATEST", "X-Amzn-Trace-Id": invocation.trace_id}
        if outcome.failed:
            headers["X-Amz-Function-Error"] = "Unhandled"
        if tail:
            headers["X-Amz-Log-Result"] = b64encode(outcome.tail).decode()
        return web.Response(body=outcome.payload, headers=headers, content_type="application/json")

    async def _call_until_well(self, pool: Pool, invocation: Invocation) -> None:
        """Calls once, and again after each of the pauses while the function fails, always with the same request id."""
        for pause in (*self._limits.event_retry_seconds, None):
            outcome = await pool.invoke(invocation)
            if not outcome.failed:
                return
            if pause is None:
                self._terminal.complain(f"{pool.function.name}: an event was given up, {invocation.request_id}")
                return
            self._terminal.complain(f"{pool.function.name}: an event failed, and is tried again in {pause:g} s")
            await asyncio.sleep(pause)


class _RefusalError(Exception):
    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message

    def response(self) -> web.Response:
        body = json.dumps({"Type": "User", "Message": self.message, "message": self.message}).encode()
        headers = {"x-amzn-ErrorType": self.error}
        return web.Response(status=self.status, body=body, content_type="application/json", headers=headers)


def _client_context(request: web.BaseRequest) -> str:
    try:
        return b64decode(request.headers.get("X-Amz-Client-Context", ""), validate=True).decode()
    except ValueError as error:
        message = f"X-Amz-Client-Context must be JSON in base64: {error}"
        raise _RefusalError(400, "InvalidRequestContentException", message) from error
