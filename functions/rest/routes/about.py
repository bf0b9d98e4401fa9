"""The hub about itself: whether it is well, what it holds, that it was restored, and how to talk to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler.api_gateway import Router

from eventstore.cloudevents.event import rfc3339
from functions.hub import hub
from functions.rest import responses
from functions.rest.queries import only
from functions.rest.request import Request, base_of, caller_of
from functions.rest.subscription_answers import summary
from functions.rest.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.ports import PartitionStats
    from functions.rest.responses import Answer

__all__ = ["root", "router"]

router = Router()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped
root = Router()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped


@root.get("/health")
@router.get("/health")
def health() -> Answer:
    """Well, if the store answers."""
    hub().operations.ping(access=caller_of(router.current_event.raw_event))
    return responses.json_of(200, {"status": "ok", "version": VERSION})


@router.get("/stats")
def stats() -> Answer:
    """What the store holds, in all and per partition, and how durable subscriptions stand."""
    access = Request.of(router.current_event.raw_event, router.lambda_context).access
    now = hub().clock.now()
    statistics = hub().operations.statistics(access=access)
    counts = {} if statistics is None else _counts(statistics)
    standing = [summary(found, now=now) for found in hub().directory.standings(access=access)]
    partitions = hub().operations.partitions(access=access)
    return responses.json_of(200, {"partitions": partitions, **counts, "subscriptions": standing})


@router.post("/epoch")
def renew() -> Answer:
    """Let nobody go on from an older cursor: the store was restored. Again, it is renewed once more."""
    request = Request.of(router.current_event.raw_event, router.lambda_context)
    only(request.query)
    epochs = hub().operations.renew_epoch(access=request.access)
    renewed = [{"partition": partition, "epoch": epoch} for partition, epoch in epochs.items()]
    return responses.json_of(200, {"partitions": renewed})


@router.get("/handshake")
def handshake() -> Answer:
    """Whether a WebSocket handshake with these parameters would be accepted: a browser does not tell a page why not."""
    # Imported here, for no other call of these needs filters.
    from functions.handshake import query_of, require_acceptable  # noqa: PLC0415 - see above

    event = router.current_event.raw_event
    require_acceptable(query_of(event), caller_of(event))
    return responses.empty(204)


@router.get("/openapi.json")
def openapi() -> Answer:
    """The OpenAPI document; nobody is asked for a credential, for it says no more than the source does."""
    # Imported here, for it is large, and no other call needs it.
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


@router.get("/docs")
def docs() -> Answer:
    """The OpenAPI document as a page to read and to try; it has a place for a credential, and asks for none itself."""
    # Imported here, for it is large, and no other call needs it.
    from functions.rest.openapi.page import docs_page  # noqa: PLC0415 - see above

    return responses.html(docs_page(server=base_of(router.current_event.raw_event) or "/", auth=hub().settings.auth))


def _counts(partitions: Sequence[PartitionStats]) -> Mapping[str, object]:
    newest = max((part.newest for part in partitions if part.newest is not None), default=None)
    return {
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
    }
