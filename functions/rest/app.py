"""The REST function: publishes and reads events, and manages streams, durable subscriptions and connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore.adapters.redis import log
from eventstore.errors import EventstoreError
from eventstore.write import publisher
from functions.rest import cors, problems, responses
from functions.rest.resolver import ThreadedResolver
from functions.rest.routes import about, connections, dead_letters, events, filters, schemas, streams, subscriptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from functions.rest.responses import Answer

__all__ = ["app", "handler"]

PRELOADED = (log, publisher)
"""Modules that the first request uses: imported at init, when Lambda provides more CPU than to a request."""

app = ThreadedResolver()
for router in (
    events.router,
    streams.router,
    subscriptions.router,
    filters.router,
    schemas.router,
    dead_letters.router,
    connections.router,
    about.router,
):
    app.include_router(router, prefix="/api/v1")
app.include_router(about.root)
app.exception_handler(EventstoreError)(problems.of)
app.exception_handler(publisher.PartlyPublished)(problems.partly_published)
app.exception_handler(Exception)(problems.internal)


@app.not_found
def unknown(_: Exception) -> Answer:
    """Respond to a preflight, to OPTIONS, and to a path or method without a route."""
    # Imported here: the document is large, and other requests do not need it.
    from functions.rest.openapi import methods_at  # noqa: PLC0415 - see above

    event = app.current_event.raw_event
    path, allowed = app.current_event.path, methods_at(app.current_event.path)
    if preflight := cors.preflight(event):
        origin, headers = preflight
        return responses.empty(204, headers=headers) if headers else problems.foreign_origin(origin)
    if not allowed:
        return problems.no_such_route(path)
    if event["httpMethod"] == "OPTIONS":
        return responses.empty(204, headers={"Allow": ", ".join(allowed)})
    return problems.method_not_allowed(event["requestContext"].get("httpMethod", ""), path, allowed=allowed)


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle a request of API Gateway.

    HEAD gets the response of GET, with the body: the gateway computes `Content-Length` from the body and omits it (RFC
    9110, 9.3.2).
    """
    request = {**event, "httpMethod": "GET"} if event.get("httpMethod") == "HEAD" else event
    return cors.readable(app.resolve(request, context), request)
