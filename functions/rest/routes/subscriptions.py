"""Durable subscriptions: creating, listing, describing, changing, replaying and deleting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler.api_gateway import Router

from eventstore.streams import DurableName
from functions.hub import hub
from functions.parameters import require_known
from functions.rest import responses
from functions.rest.conditions import tags
from functions.rest.queries import names_query
from functions.rest.request import MERGE_PATCH, Request, json_body, segment
from functions.rest.subscription_answers import definition, standing
from functions.rest.tokens import SUBSCRIPTIONS, next_token

if TYPE_CHECKING:
    from functions.answers.subscriptions import Moved, Subscriptions
    from functions.rest.responses import Answer

__all__ = ["router"]

router = Router()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped

# ruff: noqa: PLC0415 - only routes that need groups and pydantic import them


@router.post("/subscriptions")
def create() -> Answer:
    """Create a durable subscription, or return the one with the same definition."""
    from eventstore.subscriptions import SubscriptionKey
    from functions.rest.subscription_models import new_subscription

    request = Request.of(router.current_event.raw_event, router.lambda_context)
    require_known(request.query)
    key = SubscriptionKey(hub().new_id())
    subscription, start = new_subscription(json_body(request), key=key, now=hub().clock.now())
    durable, created = hub().durable_subscriptions.create(subscription, start, access=request.access)
    location = f"{request.base}/api/v1/subscriptions/{durable.name}"
    return responses.json_of(201 if created else 200, definition(durable), headers={"Location": location})


@router.get("/subscriptions")
def overview() -> Answer:
    """Return a page of the durable subscriptions, sorted by name."""
    request = Request.of(router.current_event.raw_event, router.lambda_context)
    query = names_query(request.query, SUBSCRIPTIONS)
    subscriptions = hub().directory.list(
        access=request.access, prefix=query.prefix, after=query.after, count=query.limit + 1
    )
    following = next_token(SUBSCRIPTIONS, subscriptions, query.limit)
    answer: Subscriptions = {"subscriptions": [definition(durable) for durable in subscriptions[: query.limit]]}
    if following:
        answer["next"] = following
    return responses.json_of(200, answer, headers=responses.link(request, following))


@router.get("/subscriptions/<subscription>")
def describe(subscription: str) -> Answer:
    """Return the definition and the figures of a durable subscription."""
    from eventstore.subscriptions import version_tag

    request = Request.of(router.current_event.raw_event, router.lambda_context)
    require_known(request.query)
    status = hub().directory.describe(_name(subscription), access=request.access)
    tag = f'"{version_tag(status.durable)}"'
    return responses.json_of(200, standing(status, now=hub().clock.now()), headers={"ETag": tag})


@router.patch("/subscriptions/<subscription>")
def change(subscription: str) -> Answer:
    """Change the filter, the rules or the target of a durable subscription; it keeps its position."""
    from eventstore.subscriptions import version_tag
    from functions.rest.subscription_models import changes

    event, context = router.current_event.raw_event, router.lambda_context
    request = Request.of(event, context, conditions=("if-match",))
    require_known(request.query)
    requested = changes(json_body(request, MERGE_PATCH))
    changed = hub().durable_subscriptions.change(
        _name(subscription), requested, access=request.access, versions=tags(request.headers)
    )
    return responses.json_of(200, definition(changed), headers={"ETag": f'"{version_tag(changed)}"'})


@router.delete("/subscriptions/<subscription>")
def delete(subscription: str) -> Answer:
    """Delete a durable subscription with its state and parked events; its members are notified."""
    event, context = router.current_event.raw_event, router.lambda_context
    request = Request.of(event, context, conditions=("if-match",))
    require_known(request.query)
    versions = tags(request.headers)
    hub().durable_subscriptions.delete(_name(subscription), access=request.access, versions=versions)
    return responses.empty(204)


@router.post("/subscriptions/<subscription>/replay")
def replay(subscription: str) -> Answer:
    """Move a durable subscription to another position; the next turns of its partitions do so."""
    from functions.rest.subscription_models import replay_place

    request = Request.of(router.current_event.raw_event, router.lambda_context)
    require_known(request.query)
    name, start = _name(subscription), replay_place(json_body(request))
    partitions = hub().durable_subscriptions.replay(name, start, access=request.access)
    answer: Moved = {"id": name, "partitions": list(partitions)}
    return responses.json_of(202, answer)


def _name(subscription: str) -> DurableName:
    """Return the subscription's name in the path."""
    return DurableName(segment(subscription))
