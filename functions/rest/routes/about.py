"""The hub about itself: whether it is well, what it holds, that it was restored, and how to talk to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler.api_gateway import Router

from eventstore.bootstrap import clock, durables, log
from eventstore.events import rfc3339
from functions.rest import responses
from functions.rest.queries import only
from functions.rest.request import Request
from functions.rest.subscription_answers import summary
from functions.rest.version import VERSION

if TYPE_CHECKING:
    from functions.rest.responses import Answer

__all__ = ["root", "router"]

router = Router()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped
root = Router()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped


@root.get("/health")
@router.get("/health")
def health() -> Answer:
    """Well, if the store answers."""
    log().ping()
    return responses.json_of(200, {"status": "ok", "version": VERSION})


@router.get("/stats")
def stats() -> Answer:
    """What the store holds, in all and per partition, and how durable subscriptions stand."""
    # Imported here, for no other call of these needs groups.
    from eventstore.standing import standings  # noqa: PLC0415 - see above

    partitions = log().stats()
    now = clock().now()
    newest = max((part.newest for part in partitions if part.newest is not None), default=None)
    body = {
        "partitions": len(partitions),
        "streams": sum(part.streams for part in partitions),
        "appends": sum(part.appends for part in partitions),
        "newest": newest and rfc3339(newest),
        "by_partition": [
            {
                "partition": part.partition,
                "streams": part.streams,
                "appends": part.appends,
                "newest": part.newest and rfc3339(part.newest),
            }
            for part in partitions
        ],
        "subscriptions": [summary(standing, now=now) for standing in standings(log(), durables())],
    }
    return responses.json_of(200, body)


@router.post("/epoch")
def renew() -> Answer:
    """Let nobody go on from an older cursor: the store was restored. Again, it is renewed once more."""
    request = Request.of(router.current_event.raw_event, router.lambda_context)
    only(request.query)
    renewed = [{"partition": partition, "epoch": epoch} for partition, epoch in log().renew().items()]
    return responses.json_of(200, {"partitions": renewed})


@router.get("/openapi.json")
def openapi() -> Answer:
    """The OpenAPI document."""
    # Imported here, for it is large, and no other call needs it.
    from functions.rest.openapi import document  # noqa: PLC0415 - see above

    request = Request.of(router.current_event.raw_event, router.lambda_context)
    return responses.json_of(200, document(server=request.base or "/"))


@router.get("/docs")
def docs() -> Answer:
    """The OpenAPI document as a page to read and to try."""
    # Imported here, for it is large, and no other call needs it.
    from functions.rest.openapi.page import docs_page  # noqa: PLC0415 - see above

    request = Request.of(router.current_event.raw_event, router.lambda_context)
    return responses.html(docs_page(server=request.base or "/"))
