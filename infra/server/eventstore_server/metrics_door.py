"""`GET /metrics`: the metrics of this instance, for Prometheus."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from eventstore.access import Scope
from eventstore.errors import EventstoreError
from eventstore_hosting.http import SERVER
from eventstore_server.metrics.exposition import CONTENT_TYPE, text_of
from eventstore_server.problem_response import problem_response
from eventstore_server.proxy_events import rest_event
from functions.access import access_of

if TYPE_CHECKING:
    from eventstore_server.authorizing import Authorizer
    from eventstore_server.metrics.catalogue import ServerMetrics
    from eventstore_server.worker_threads import WorkerThreads

__all__ = ["MetricsDoor"]


class MetricsDoor:
    """Answers scrapes. Where callers need a credential, it requires the scope `admin`, for all streams.

    Args:
        metrics: The metrics.
        authorizer: Checks credentials.
        threads: Check credentials, which may wait for the issuer of tokens.
    """

    def __init__(self, metrics: ServerMetrics, authorizer: Authorizer, *, threads: WorkerThreads) -> None:
        self._metrics = metrics
        self._authorizer = authorizer
        self._threads = threads

    async def serve(self, request: web.BaseRequest) -> web.Response:
        """Answer a request."""
        if request.method not in {"GET", "HEAD"}:
            headers = {"Allow": "GET, HEAD", "Server": SERVER}
            return web.Response(status=HTTPStatus.METHOD_NOT_ALLOWED, headers=headers)
        try:
            await self._threads.run(partial(self._require_access, request))
        except EventstoreError as error:
            return problem_response(error)
        # On the thread of the event loop: sessions are counted there.
        body = text_of(self._metrics.families()).encode()
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE, "Server": SERVER})

    def _require_access(self, request: web.BaseRequest) -> None:
        event = rest_event(request, b"", request_id="")
        context = self._authorizer.context_of(event)
        if context is None:
            return
        access = access_of({"authorizer": context})
        access.require(Scope.ADMIN)
        # The figures count all streams.
        access.require_all_streams()
