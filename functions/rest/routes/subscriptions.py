"""Durable subscriptions: making, listing, describing, moving and ending them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler.api_gateway import Router

from functions.hub import hub
from functions.rest import responses
from functions.rest.conditions import tags
from functions.rest.queries import names_query, only
from functions.rest.request import MERGE_PATCH, Request, json_body, segment
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
    asked, place = new_subscription(json_body(request), key=hub().new_id(), now=hub().clock.now())
    durable, created = hub().durable_subscriptions.create(asked, place, access=request.access)
    location = f"{request.base}/api/v1/subscriptions/{durable.name}"
    return responses.json_of(201 if created else 200, definition(durable), headers={"Location": location})


@router.get("/subscriptions")
def overview() -> Answer:
    """A page of the durable subscriptions, in the order of their names."""
    request = Request.of(router.current_event.raw_event, router.lambda_context)
    query = names_query(request.query, SUBSCRIPTIONS)
    found = hub().directory.list(access=request.access, prefix=query.prefix, after=query.after, count=query.limit + 1)
    following = token_of(SUBSCRIPTIONS, found[query.limit - 1].name) if len(found) > query.limit else None
    body: dict[str, object] = {"subscriptions": [definition(durable) for durable in found[: query.limit]]}
    if following:
        body["next"] = following
    return responses.json_of(200, body, headers=responses.link(request, following))


@router.get("/subscriptions/<subscription>")
def describe(subscription: str) -> Answer:
    """One of them, and how it stands."""
    from eventstore.subscriptions import version_tag

    request = Request.of(router.current_event.raw_event, router.lambda_context)
    only(request.query)
    found = hub().directory.describe(segment(subscription), access=request.access)
    tag = f'"{version_tag(found.durable)}"'
    return responses.json_of(200, standing(found, now=hub().clock.now()), headers={"ETag": tag})


@router.patch("/subscriptions/<subscription>")
def change(subscription: str) -> Answer:
    """Change what one is for, or its rules; it keeps its place."""
    from eventstore.subscriptions import version_tag
    from functions.rest.subscription_models import changes

    event, context = router.current_event.raw_event, router.lambda_context
    request = Request.of(event, context, conditions=("if-match",))
    only(request.query)
    asked = changes(json_body(request, MERGE_PATCH))
    changed = hub().durable_subscriptions.change(
        segment(subscription), asked, access=request.access, versions=tags(request.headers)
    )
    return responses.json_of(200, definition(changed), headers={"ETag": f'"{version_tag(changed)}"'})


@router.delete("/subscriptions/<subscription>")
def delete(subscription: str) -> Answer:
    """End one, with all that it had in flight and parked; its members are told."""
    event, context = router.current_event.raw_event, router.lambda_context
    request = Request.of(event, context, conditions=("if-match",))
    only(request.query)
    versions = tags(request.headers)
    hub().durable_subscriptions.delete(segment(subscription), access=request.access, versions=versions)
    return responses.empty(204)


@router.post("/subscriptions/<subscription>/replay")
def replay(subscription: str) -> Answer:
    """Let one go on from another place; the next turns of its partitions do it."""
    from functions.rest.subscription_models import replay_place

    request = Request.of(router.current_event.raw_event, router.lambda_context)
    only(request.query)
    name, place = segment(subscription), replay_place(json_body(request))
    partitions = hub().durable_subscriptions.replay(name, place, access=request.access)
    return responses.json_of(202, {"id": name, "partitions": list(partitions)})
