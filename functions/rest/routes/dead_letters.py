"""Streams that durable subscriptions have parked: looking at them, putting them back, dropping them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler.api_gateway import Router

from functions.hub import hub
from functions.parameters import PURGE_SUBSCRIPTION, QUERIES
from functions.rest import responses
from functions.rest.paging import within
from functions.rest.queries import dead_letters_query, one, only, stream_named
from functions.rest.request import Request, json_body
from functions.rest.subscription_answers import dead_letter
from functions.rest.tokens import DEAD_LETTERS, token_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from functions.rest.responses import Answer

__all__ = ["router"]

router = Router()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped

# ruff: noqa: PLC0415 - groups, and pydantic, are imported by those alone who concern themselves with subscriptions


@router.get("/dead-letters")
def overview() -> Answer:
    """A page of parked streams; with the event that failed, where one stream of one subscription is asked for."""
    request = Request.of(router.current_event.raw_event, router.lambda_context)
    query = dead_letters_query(request.query)
    whole = query.subscription is not None and query.stream is not None
    found = hub().directory.parked(
        access=request.access,
        name=query.subscription,
        stream=query.stream,
        after=query.after,
        count=query.limit + 1,
    )
    failed = hub().directory.failed_event
    encoded = [dead_letter(one, failed(one, access=request.access) if whole else None) for one in found[: query.limit]]
    fit = within(encoded)
    last = found[fit - 1] if fit < len(found) else None
    following = token_of(DEAD_LETTERS, last.subscription, last.stream) if last else None
    headers = responses.link(request, following)
    return responses.items("dead_letters", encoded[:fit], following=following, headers=headers)


@router.post("/dead-letters/redrive")
def redrive() -> Answer:
    """Let parked streams go on; the next turns of their partitions do it."""
    from functions.rest import subscription_models

    request = Request.of(router.current_event.raw_event, router.lambda_context)
    only(request.query)
    name, stream, how = subscription_models.redrive(json_body(request))
    return _accepted(name, hub().durable_subscriptions.redrive(name, stream, how, access=request.access))


@router.delete("/dead-letters")
def purge() -> Answer:
    """Let parked streams go on behind all that is parked."""
    request = Request.of(router.current_event.raw_event, router.lambda_context)
    only(request.query, QUERIES["purgeDeadLetters"])
    name, stream = one(request.query, PURGE_SUBSCRIPTION) or "", stream_named(request.query)
    return _accepted(name, hub().durable_subscriptions.redrive(name, stream, "drop", access=request.access))


def _accepted(name: str, streams: Sequence[str]) -> Answer:
    return responses.json_of(202, {"subscription": name, "streams": list(streams)})
