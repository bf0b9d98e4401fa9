"""The REST function: publishes and reads events, keeps streams and durable subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver

from eventstore.adapters.redis import log
from eventstore.errors import EventstoreError
from eventstore.write import publisher
from functions.rest import cors, problems, responses
from functions.rest.routes import about, dead_letters, events, streams, subscriptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from functions.rest.responses import Answer

__all__ = ["app", "handler"]

PRELOADED = (log, publisher)
"""What the first request needs: Lambda gives a function's start more processor than its requests."""

app = APIGatewayRestResolver()
for part in (events.router, streams.router, subscriptions.router, dead_letters.router, about.router):
    app.include_router(part, prefix="/api/v1")
app.include_router(about.root)
app.exception_handler(EventstoreError)(problems.of)
app.exception_handler(publisher.PartlyPublished)(problems.partly_published)
app.exception_handler(Exception)(problems.internal)


@app.not_found
def unknown(_: Exception) -> Answer:
    """A path that is not there, or not with this method."""
    # Imported here, for the document is large and only a lost client or a curious one needs it.
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
    """Answer one request of API Gateway.

    HEAD is answered as GET is, body and all: the gateway counts the body for `Content-Length`, and leaves it out (RFC
    9110, 9.3.2).
    """
    asked = {**event, "httpMethod": "GET"} if event.get("httpMethod") == "HEAD" else event
    return cors.readable(app.resolve(asked, context), asked)
