"""Named filters: listing, describing, creating, replacing and deleting."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler.api_gateway import Router

from eventstore.cloudevents.event import rfc3339
from eventstore.streams import FilterName
from functions.hub import hub
from functions.parameters import require_known
from functions.rest import responses
from functions.rest.conditions import is_current, require_one_condition, requires_new, tags
from functions.rest.queries import names_query
from functions.rest.request import Request, json_body, segment
from functions.rest.tokens import FILTERS, next_token

if TYPE_CHECKING:
    from eventstore.filters.named import NamedFilter
    from functions.answers.filters import NamedFilter as NamedFilterAnswer
    from functions.answers.filters import NamedFilters
    from functions.rest.responses import Answer

__all__ = ["router"]

router = Router()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped


@router.get("/filters")
def overview() -> Answer:
    """Return a page of the named filters, sorted by name."""
    request = Request.of(router.current_event.raw_event, router.lambda_context)
    query = names_query(request.query, FILTERS)
    filters = hub().filters.list(access=request.access, prefix=query.prefix, after=query.after, count=query.limit + 1)
    following = next_token(FILTERS, filters, query.limit)
    answer: NamedFilters = {"filters": [_definition(named) for named in filters[: query.limit]]}
    if following:
        answer["next"] = following
    return responses.json_of(200, answer, headers=responses.link(request, following))


@router.get("/filters/<name>")
def describe(name: str) -> Answer:
    """Return a named filter."""
    request = Request.of(router.current_event.raw_event, router.lambda_context)
    require_known(request.query)
    named = hub().filters.describe(_name(name), access=request.access)
    tag = f'"{named.tag}"'
    if is_current(request.headers, tag):
        return responses.empty(304, headers={"ETag": tag})
    return responses.json_of(200, _definition(named), headers={"ETag": tag})


@router.put("/filters/<name>")
def put(name: str) -> Answer:
    """Create or replace a named filter, and change the durable subscriptions that name it."""
    # Imported here: only routes with a body need pydantic.
    from functions.rest.filter_models import filter_definition  # noqa: PLC0415 - see above

    event, context = router.current_event.raw_event, router.lambda_context
    request = Request.of(event, context, conditions=("if-match", "if-none-match"))
    require_known(request.query)
    is_new, versions = requires_new(request.headers), tags(request.headers)
    require_one_condition(request.headers)
    exists = False if is_new else True if "if-match" in request.headers else None
    value = filter_definition(json_body(request))
    named, created = hub().filter_admin.put(_name(name), value, access=request.access, versions=versions, exists=exists)
    return responses.json_of(201 if created else 200, _definition(named), headers={"ETag": f'"{named.tag}"'})


@router.delete("/filters/<name>")
def delete(name: str) -> Answer:
    """Delete a named filter that no durable subscription names."""
    event, context = router.current_event.raw_event, router.lambda_context
    request = Request.of(event, context, conditions=("if-match",))
    require_known(request.query)
    hub().filter_admin.delete(_name(name), access=request.access, versions=tags(request.headers))
    return responses.empty(204)


def _definition(named: NamedFilter) -> NamedFilterAnswer:
    return {
        "id": named.name,
        "filters": json.loads(named.filter.text),
        "version": named.version,
        "created": rfc3339(named.created),
        "updated": rfc3339(named.changed),
    }


def _name(name: str) -> FilterName:
    """Return the filter's name in the path."""
    return FilterName(segment(name))
