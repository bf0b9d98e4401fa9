"""The hub itself: health, statistics, epochs, the handshake check, the API documentation and the module for pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler.api_gateway import Router

from eventstore.hub.backends import capabilities_of
from functions.hub import hub
from functions.parameters import require_known
from functions.rest import responses
from functions.rest.request import Request, base_of, caller_of, headers_of
from functions.rest.stats_answer import backend_of, stats_of
from functions.rest.version import VERSION

if TYPE_CHECKING:
    from functions.answers.about import Health, Renewed
    from functions.rest.responses import Answer

__all__ = ["root", "router"]

router = Router()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped
root = Router()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped


@root.get("/health")
@router.get("/health")
def health() -> Answer:
    """Report that the hub is healthy, if the store responds."""
    hub().operations.ping(access=caller_of(router.current_event.raw_event))
    capabilities = capabilities_of(hub().settings)
    answer: Health = {
        "status": "ok",
        "version": VERSION,
        "backend": backend_of(hub()),
        "capabilities": capabilities,
    }
    return responses.json_of(200, answer)


@router.get("/stats")
def stats() -> Answer:
    """Report counts of the store, in total and per partition, and the figures of durable subscriptions."""
    access = Request.of(router.current_event.raw_event, router.lambda_context).access
    return responses.json_of(200, stats_of(hub(), access=access))


@router.post("/epoch")
def renew() -> Answer:
    """Renew the epochs after the store was restored, so that older cursors are rejected; not idempotent."""
    request = Request.of(router.current_event.raw_event, router.lambda_context)
    require_known(request.query)
    epochs = hub().operations.renew_epoch(access=request.access)
    answer: Renewed = {"partitions": [{"partition": partition, "epoch": epoch} for partition, epoch in epochs.items()]}
    return responses.json_of(200, answer)


@router.get("/handshake")
def handshake() -> Answer:
    """Check the parameters of a WebSocket handshake: a browser does not show a page why a handshake failed."""
    # Imported here: no other route of this module needs filters.
    from functions.handshake import query_of, require_acceptable  # noqa: PLC0415 - see above

    event = router.current_event.raw_event
    require_acceptable(query_of(event), caller_of(event))
    return responses.empty(204)


@router.get("/openapi.json")
def openapi() -> Answer:
    """Return the OpenAPI document. It requires no credentials, since it reveals no more than the source code."""
    # Imported here: the document is large, and no other route needs it.
    from functions.rest.openapi import document  # noqa: PLC0415 - see above

    return responses.json_of(
        200, document(server=base_of(router.current_event.raw_event) or "/", auth=hub().settings.auth)
    )


@router.get("/asyncapi.json")
def asyncapi() -> Answer:
    """The AsyncAPI document of the WebSocket protocol; nobody is asked for a credential here either."""
    # Imported here, for it is large, and no other call needs it.
    from functions.rest.asyncapi import document  # noqa: PLC0415 - see above

    return responses.json_of(200, document(auth=hub().settings.auth))


@router.get("/eventstore.js")
def module() -> Answer:
    """Return the JavaScript module. It requires no credentials: a browser sends none when a page imports a module."""
    # Imported here: no other route needs it.
    from functions.rest.client_module import client_module  # noqa: PLC0415 - see above

    return client_module(headers_of(router.current_event.raw_event))


@router.get("/docs")
def docs() -> Answer:
    """Return the OpenAPI document as an interactive page. It requires no credentials, but has a field for them."""
    # Imported here: the document is large, and no other route needs it.
    from functions.rest.openapi.page import docs_page  # noqa: PLC0415 - see above

    return responses.html(docs_page(server=base_of(router.current_event.raw_event) or "/", auth=hub().settings.auth))
