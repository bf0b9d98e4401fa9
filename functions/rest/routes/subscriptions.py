"""Durable subscriptions: making, listing, describing, moving and ending them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler.api_gateway import Router

from eventstore.bootstrap import clock, durable_subscriptions, durables, log, new_id
from functions.rest import responses
from functions.rest.queries import names_query, only
from functions.rest.request import Request, json_body, segment
from functions.rest.subscription_answers import definition, standing
from functions.rest.tokens import SUBSCRIPTIONS, token_of

if TYPE_CHECKING:
    from functions.rest.responses import Answer

__all__ = ["router"]

router = Router()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped

# ruff: noqa: PLC0415 - groups, and pydantic, are imported by those alone who concern themselves with subscriptions


@router.post("/subscriptions")
def create() -> Answer:
    """Make a durable subscription, or find the same one."""
    from functions.rest.subscription_models import new_subscription

    request = Request.of(router.current_event.raw_event, router.lambda_context)
    only(request.query)
    asked, place = new_subscription(json_body(request), key=new_id(), now=clock().now())
    durable, created = durable_subscriptions().create(asked, place)
    location = f"{request.base}/api/v1/subscriptions/{durable.name}"
    return responses.json_of(201 if created else 200, definition(durable), headers={"Location": location})


@router.get("/subscriptions")
def overview() -> Answer:
    """A page of the durable subscriptions, in the order of their names."""
    request = Request.of(router.current_event.raw_event, router.lambda_context)
    query = names_query(request.query, SUBSCRIPTIONS)
    names = durables().names(prefix=query.prefix, after=query.after, count=query.limit + 1)
    following = token_of(SUBSCRIPTIONS, names[query.limit - 1]) if len(names) > query.limit else None
    body: dict[str, object] = {
        "subscriptions": [definition(durable) for durable in durables().definitions(names[: query.limit])]
    }
    if following:
        body["next"] = following
    return responses.json_of(200, body, headers=responses.link(request, following))


@router.get("/subscriptions/<subscription>")
def describe(subscription: str) -> Answer:
    """One of them, and how it stands."""
    from eventstore.standing import standing_of

    request = Request.of(router.current_event.raw_event, router.lambda_context)
    only(request.query)
    found = standing_of(log(), durables(), durables().get(segment(subscription)))
    return responses.json_of(200, standing(found, now=clock().now()))


@router.delete("/subscriptions/<subscription>")
def delete(subscription: str) -> Answer:
    """End one, with all that it had in flight and parked; its members are told."""
    request = Request.of(router.current_event.raw_event, router.lambda_context)
    only(request.query)
    durable_subscriptions().delete(segment(subscription))
    return responses.empty(204)


@router.post("/subscriptions/<subscription>/replay")
def replay(subscription: str) -> Answer:
    """Let one go on from another place; the next turns of its partitions do it."""
    from functions.rest.subscription_models import replay_place

    request = Request.of(router.current_event.raw_event, router.lambda_context)
    only(request.query)
    name = segment(subscription)
    partitions = durable_subscriptions().replay(name, replay_place(json_body(request)))
    return responses.json_of(202, {"id": name, "partitions": list(partitions)})
