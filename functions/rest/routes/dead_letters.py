"""Streams that durable subscriptions have parked: looking at them, putting them back, dropping them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler.api_gateway import Router

from eventstore.access import Scope
from eventstore.errors import Absent
from eventstore.hub.bootstrap import durable_subscriptions, durables, log
from eventstore.streams import stream_name
from functions.access import require_durable
from functions.rest import responses
from functions.rest.paging import within
from functions.rest.queries import dead_letters_query, one, only, required
from functions.rest.request import Request, json_body
from functions.rest.subscription_answers import dead_letter
from functions.rest.tokens import DEAD_LETTERS, token_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.durable.status import ParkedStream
    from functions.rest.responses import Answer

__all__ = ["router"]

router = Router()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped

# ruff: noqa: PLC0415 - groups, and pydantic, are imported by those alone who concern themselves with subscriptions


@router.get("/dead-letters")
def overview() -> Answer:
    """A page of parked streams; with the event that failed, where one stream of one subscription is asked for."""
    from eventstore.durable.status import parked_streams

    request = Request.of(router.current_event.raw_event, router.lambda_context, Scope.ADMIN)
    query = dead_letters_query(request.query)
    _require(request, query.subscription, query.stream)
    whole = query.subscription is not None and query.stream is not None
    found = parked_streams(
        durables(),
        name=query.subscription,
        stream=query.stream,
        after=query.after,
        count=query.limit + 1,
        access=request.access,
    )
    encoded = [dead_letter(one, _failed(one) if whole else None) for one in found[: query.limit]]
    fit = within(encoded)
    last = found[fit - 1] if fit < len(found) else None
    following = token_of(DEAD_LETTERS, last.subscription, last.stream) if last else None
    headers = responses.link(request, following)
    return responses.items("dead_letters", encoded[:fit], following=following, headers=headers)


@router.post("/dead-letters/redrive")
def redrive() -> Answer:
    """Let parked streams go on; the next turns of their partitions do it."""
    from functions.rest import subscription_models

    request = Request.of(router.current_event.raw_event, router.lambda_context, Scope.ADMIN)
    only(request.query)
    name, stream, how = subscription_models.redrive(json_body(request))
    _require(request, name, stream)
    return _accepted(name, durable_subscriptions().redrive(name, stream, how))


@router.delete("/dead-letters")
def purge() -> Answer:
    """Let parked streams go on behind all that is parked."""
    request = Request.of(router.current_event.raw_event, router.lambda_context, Scope.ADMIN)
    only(request.query, "subscription", "stream")
    name, stream = required(request.query, "subscription"), one(request.query, "stream")
    if stream is not None:
        stream_name(stream, pointer="stream")
    _require(request, name, stream)
    return _accepted(name, durable_subscriptions().redrive(name, stream, "drop"))


def _require(request: Request, name: str | None, stream: str | None) -> None:
    """Return if what is named is there for the caller; raises `Forbidden` or `SubscriptionNotFound`."""
    if stream is not None:
        request.access.require_streams([stream], pointer="stream")
    if name is not None:
        require_durable(request.access, name)


def _accepted(name: str, streams: Sequence[str]) -> Answer:
    return responses.json_of(202, {"subscription": name, "streams": list(streams)})


def _failed(found: ParkedStream) -> RecordedEvent | None:
    """The event that failed, unless it was removed meanwhile."""
    sequence = found.parked.sequence
    try:
        events = log().read(found.stream, start=sequence, stop=sequence, count=1).events
    except Absent:
        return None
    return events[0] if events else None
