"""Queues in the stack's own process: who asks over HTTP, and the mappings, meet in one store.

moto is imported in a thread, so that the stack is ready before it is.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from aiohttp import web

from eventstore_dev.invocation import new_request_id
from eventstore_dev.queues.refusals import Refusal
from eventstore_hosting.http import read_body

if TYPE_CHECKING:
    from collections.abc import Iterable

    from eventstore_dev.queues.declared import Queue
    from eventstore_dev.queues.sqs_api import SqsApi
    from eventstore_dev.queues.store import Store

TARGET = "AmazonSQS."
_CONTENT_TYPE = "application/x-amz-json-1.0"
# A mebibyte of messages may be six in JSON.
_BODY_LIMIT = 8 * 1024 * 1024


class LocalQueues:
    """The SQS API, and the broker that stands behind it."""

    def __init__(self) -> None:
        # One thread: moto is asked one question at a time.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="eventstore-dev-moto")
        self._opening: asyncio.Future[tuple[Store, SqsApi]] | None = None

    async def declare(self, queues: Iterable[Queue]) -> Store:
        """Creates queues that are not there; returns the broker."""
        store, _ = await self._open()
        store.declare(queues)
        return store

    async def serve(self, request: web.BaseRequest) -> web.Response:
        """Answers a request of an AWS client."""
        action = request.headers.get("X-Amz-Target", "").removeprefix(TARGET)
        request_id = new_request_id()
        try:
            response = await self._answer(request, action)
        except Refusal as refusal:
            told = {"__type": f"com.amazonaws.sqs#{refusal.error}", "message": refusal.message}
            response = _response(told, status=400)
            response.headers["x-amzn-query-error"] = f"{refusal.code};Sender"
        response.headers["x-amzn-RequestId"] = request_id
        return response

    async def stop(self) -> None:
        """Forgets all messages."""
        if self._opening is not None:
            store, _ = await self._open()
            store.stop()
        self._thread.shutdown()

    async def _open(self) -> tuple[Store, SqsApi]:
        if self._opening is None:
            self._opening = asyncio.get_running_loop().run_in_executor(self._thread, _load)
        return await asyncio.shield(self._opening)

    async def _answer(self, request: web.BaseRequest, action: str) -> web.Response:
        if not action:
            # The query protocol is that of SDKs before 2023.
            raise Refusal("UnsupportedOperation", "The local stack has the SQS API over JSON alone: update the AWS SDK")
        body = await read_body(request, limit=_BODY_LIMIT)
        if body is None:
            raise Refusal("RequestEntityTooLarge", f"The request must be smaller than {_BODY_LIMIT} bytes")
        store, api = await self._open()
        answer = api.answer(action, body, gone=lambda: request.transport is None or request.transport.is_closing())
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer is not None:
            return _response(answer)
        url = f"{request.scheme}://{request.host}{request.raw_path}"
        loop = asyncio.get_running_loop()
        status, headers, text = await loop.run_in_executor(self._thread, store.ask, url, dict(request.headers), body)
        kept = {name: value for name, value in headers.items() if name.lower() == "x-amzn-query-error"}
        return web.Response(status=status, text=text, content_type=_CONTENT_TYPE, headers=kept)


def _load() -> tuple[Store, SqsApi]:
    # Half a second of imports, for those only who have queues.
    from eventstore_dev.queues.sqs_api import SqsApi  # noqa: PLC0415 - as said
    from eventstore_dev.queues.store import Store  # noqa: PLC0415 - as said

    store = Store()
    return store, SqsApi(store)


def _response(answer: dict[str, Any], *, status: int = 200) -> web.Response:
    return web.Response(status=status, body=json.dumps(answer).encode(), content_type=_CONTENT_TYPE)
