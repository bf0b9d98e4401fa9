"""Durable subscriptions: making, listing, describing, moving and ending them."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler.api_gateway import Router

from eventstore.access import Scope
from eventstore.hub.bootstrap import clock, durable_subscriptions, durables, log, new_id
from functions.access import durable_of, require_durable
from functions.rest import responses
from functions.rest.conditions import tags
from functions.rest.queries import names_query, only
from functions.rest.request import MERGE_PATCH, Request, json_body, segment
from functions.rest.subscription_answers import definition, standing
from functions.rest.tokens import SUBSCRIPTIONS, token_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore.access import Access
    from eventstore.subscriptions import Durable
    from functions.rest.queries import NamesQuery
    from functions.rest.responses import Answer

__all__ = ["router"]

router = Router()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped

# ruff: noqa: PLC0415 - groups, and pydantic, are imported by those alone who concern themselves with subscriptions


_AT_ONCE = 100
"""How many are looked at together at least, for those of others may stand between two of the caller's."""


_COUNTED = 5_000
"""Events that are read at most for a lag: some 200 ms."""


@router.post("/subscriptions")
def create() -> Answer:
    """Make a durable subscription, or find the same one."""
    from functions.rest.subscription_models import new_subscription

    request = Request.of(router.current_event.raw_event, router.lambda_context, Scope.ADMIN)
    only(request.query)
    asked, place = new_subscription(json_body(request), key=new_id(), now=clock().now())
    asked = _confined(asked, request.access)
    durable, created = durable_subscriptions().create(asked, place)
    location = f"{request.base}/api/v1/subscriptions/{durable.name}"
    return responses.json_of(201 if created else 200, definition(durable), headers={"Location": location})


@router.get("/subscriptions")
def overview() -> Answer:
    """A page of the durable subscriptions, in the order of their names."""
    request = Request.of(router.current_event.raw_event, router.lambda_context, Scope.SUBSCRIBE, Scope.ADMIN)
    query = names_query(request.query, SUBSCRIPTIONS)
    found = list(islice(_covered(query, request.access), query.limit + 1))
    following = token_of(SUBSCRIPTIONS, found[query.limit - 1].name) if len(found) > query.limit else None
    body: dict[str, object] = {"subscriptions": [definition(durable) for durable in found[: query.limit]]}
    if following:
        body["next"] = following
    return responses.json_of(200, body, headers=responses.link(request, following))


@router.get("/subscriptions/<subscription>")
def describe(subscription: str) -> Answer:
    """One of them, and how it stands."""
    from eventstore.durable.status import standing_of
    from eventstore.subscriptions import version_tag

    request = Request.of(router.current_event.raw_event, router.lambda_context, Scope.SUBSCRIBE, Scope.ADMIN)
    only(request.query)
    durable = durable_of(request.access, segment(subscription))
    tag = f'"{version_tag(durable)}"'
    found = standing_of(log(), durables(), durable, access=request.access, count=_COUNTED)
    return responses.json_of(200, standing(found, now=clock().now()), headers={"ETag": tag})


@router.patch("/subscriptions/<subscription>")
def change(subscription: str) -> Answer:
    """Change what one is for, or its rules; it keeps its place."""
    from eventstore.subscriptions import version_tag
    from functions.rest.subscription_models import changes

    event, context = router.current_event.raw_event, router.lambda_context
    request = Request.of(event, context, Scope.ADMIN, conditions=("if-match",))
    only(request.query)
    name = segment(subscription)
    durable = durable_of(request.access, name)
    asked = changes(json_body(request, MERGE_PATCH))
    if asked.filter is not None and not durable.streams:
        asked = replace(asked, filter=request.access.confined(asked.filter))
    changed = durable_subscriptions().change(name, asked, versions=tags(request.headers))
    return responses.json_of(200, definition(changed), headers={"ETag": f'"{version_tag(changed)}"'})


@router.delete("/subscriptions/<subscription>")
def delete(subscription: str) -> Answer:
    """End one, with all that it had in flight and parked; its members are told."""
    event, context = router.current_event.raw_event, router.lambda_context
    request = Request.of(event, context, Scope.ADMIN, conditions=("if-match",))
    only(request.query)
    durable_subscriptions().delete(_name(request, subscription), versions=tags(request.headers))
    return responses.empty(204)


@router.post("/subscriptions/<subscription>/replay")
def replay(subscription: str) -> Answer:
    """Let one go on from another place; the next turns of its partitions do it."""
    from functions.rest.subscription_models import replay_place

    request = Request.of(router.current_event.raw_event, router.lambda_context, Scope.ADMIN)
    only(request.query)
    name = _name(request, subscription)
    partitions = durable_subscriptions().replay(name, replay_place(json_body(request)))
    return responses.json_of(202, {"id": name, "partitions": list(partitions)})


def _name(request: Request, subscription: str) -> str:
    """The name in the path; raises `SubscriptionNotFound` if there is none of it for the caller."""
    name = segment(subscription)
    require_durable(request.access, name)
    return name


def _confined(asked: Durable, access: Access) -> Durable:
    """What was asked for, of what is in reach alone; its name too, so that no tenant takes another's."""
    access.require_streams([asked.name], pointer="/id")
    if asked.streams:
        access.require_streams(asked.streams, pointer="/stream")
        return asked
    return replace(asked, filter=access.confined(asked.filter))


def _covered(query: NamesQuery, access: Access) -> Iterator[Durable]:
    """Those of a list that are there for the caller."""
    after, count = query.after, max(query.limit + 1, _AT_ONCE)
    while names := durables().names(prefix=query.prefix, after=after, count=count):
        yield from filter(access.covers, durables().definitions(names))
        after = names[-1]
