"""Streams that durable subscriptions have parked: listing, redriving and dropping them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler.api_gateway import Router

from eventstore.streams import DurableName
from functions.hub import hub
from functions.parameters import PURGE_SUBSCRIPTION, QUERIES, require_known
from functions.rest import responses
from functions.rest.paging import within
from functions.rest.queries import dead_letters_query, single_value, stream_named
from functions.rest.request import Request, json_body
from functions.rest.subscription_answers import dead_letter
from functions.rest.tokens import DEAD_LETTERS, token_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.streams import StreamName
    from functions.answers.subscriptions import Redriven
    from functions.rest.responses import Answer

__all__ = ["router"]

router = Router()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped

# ruff: noqa: PLC0415 - only routes that need groups and pydantic import them


@router.get("/dead-letters")
def overview() -> Answer:
    """Return a page of parked streams; one stream of one subscription includes the event that failed."""
    request = Request.of(router.current_event.raw_event, router.lambda_context)
    query = dead_letters_query(request.query)
    is_single = query.subscription is not None and query.stream is not None
    entries = hub().directory.parked(
        access=request.access,
        name=query.subscription,
        stream=query.stream,
        after=query.after,
        count=query.limit + 1,
    )
    failed = hub().directory.failed_event
    encoded = [
        dead_letter(entry, failed(entry, access=request.access) if is_single else None)
        for entry in entries[: query.limit]
    ]
    count = within(encoded)
    last = entries[count - 1] if count < len(entries) else None
    following = token_of(DEAD_LETTERS, last.subscription, last.stream) if last else None
    headers = responses.link(request, following)
    return responses.items("dead_letters", encoded[:count], following=following, headers=headers)


@router.post("/dead-letters/redrive")
def redrive() -> Answer:
    """Redeliver parked streams; the next turns of their partitions do so."""
    from functions.rest import subscription_models

    request = Request.of(router.current_event.raw_event, router.lambda_context)
    require_known(request.query)
    name, stream, mode = subscription_models.redrive(json_body(request))
    return _accepted(name, hub().durable_subscriptions.redrive(name, stream, mode, access=request.access))


@router.delete("/dead-letters")
def purge() -> Answer:
    """Drop all parked events, so that their streams continue after them."""
    request = Request.of(router.current_event.raw_event, router.lambda_context)
    require_known(request.query, QUERIES["purgeDeadLetters"])
    name, stream = DurableName(single_value(request.query, PURGE_SUBSCRIPTION) or ""), stream_named(request.query)
    return _accepted(name, hub().durable_subscriptions.redrive(name, stream, "drop", access=request.access))


def _accepted(name: DurableName, streams: Sequence[StreamName]) -> Answer:
    answer: Redriven = {"subscription": name, "streams": list(streams)}
    return responses.json_of(202, answer)
