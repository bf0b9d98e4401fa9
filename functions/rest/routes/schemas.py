"""Schemas of event types: listing, describing, storing and deleting."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler.api_gateway import Router

from eventstore.cloudevents.event import rfc3339
from functions.hub import hub
from functions.parameters import require_known
from functions.rest import responses
from functions.rest.conditions import is_current, require_one_condition, requires_new, tags
from functions.rest.queries import names_query
from functions.rest.request import Request, json_body, segment
from functions.rest.tokens import SCHEMAS, next_token

if TYPE_CHECKING:
    from eventstore.read.schema_directory import DescribedSchema
    from functions.answers.schemas import EventSchema, EventSchemas, EventType
    from functions.rest.responses import Answer

__all__ = ["router"]

router = Router()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped


@router.get("/schemas")
def overview() -> Answer:
    """Return a page of the event types that have a schema, sorted by name."""
    request = Request.of(router.current_event.raw_event, router.lambda_context)
    query = names_query(request.query, SCHEMAS)
    found = hub().schemas.list(access=request.access, prefix=query.prefix, after=query.after, count=query.limit + 1)
    following = next_token(SCHEMAS, found, query.limit)
    answer: EventSchemas = {"schemas": [_event_type(schema) for schema in found[: query.limit]]}
    if following:
        answer["next"] = following
    return responses.json_of(200, answer, headers=responses.link(request, following))


@router.get("/schemas/<name>")
def describe(name: str) -> Answer:
    """Return the schema of an event type."""
    request = Request.of(router.current_event.raw_event, router.lambda_context)
    require_known(request.query)
    found = hub().schemas.describe(segment(name), access=request.access)
    tag = f'"{found.tag}"'
    if is_current(request.headers, tag):
        return responses.empty(304, headers={"ETag": tag})
    return responses.json_of(200, _schema(found), headers={"ETag": tag})


@router.put("/schemas/<name>")
def put(name: str) -> Answer:
    """Store the schema of an event type."""
    # Imported here: only routes with a body need pydantic.
    from functions.rest.schema_models import schema_definition  # noqa: PLC0415 - see above

    event, context = router.current_event.raw_event, router.lambda_context
    request = Request.of(event, context, conditions=("if-match", "if-none-match"))
    require_known(request.query)
    is_new, versions = requires_new(request.headers), tags(request.headers)
    require_one_condition(request.headers)
    exists = False if is_new else True if "if-match" in request.headers else None
    definition = schema_definition(json_body(request))
    _, created = hub().schema_admin.put(
        segment(name),
        definition.schema_,
        enforce=definition.enforce,
        access=request.access,
        versions=versions,
        exists=exists,
    )
    found = hub().schemas.describe(segment(name), access=request.access)
    return responses.json_of(201 if created else 200, _schema(found), headers={"ETag": f'"{found.tag}"'})


@router.delete("/schemas/<name>")
def delete(name: str) -> Answer:
    """Delete the stored schema of an event type."""
    event, context = router.current_event.raw_event, router.lambda_context
    request = Request.of(event, context, conditions=("if-match",))
    require_known(request.query)
    hub().schema_admin.delete(segment(name), access=request.access, versions=tags(request.headers))
    return responses.empty(204)


def _schema(found: DescribedSchema) -> EventSchema:
    return {**_event_type(found), "schema": json.loads(found.text)}


def _event_type(found: DescribedSchema) -> EventType:
    stored = found.stored
    if stored is None:
        return {"type": found.name, "origin": "catalogue", "enforce": False}
    return {
        "type": found.name,
        "origin": "stored",
        "enforce": stored.enforce,
        "version": stored.version,
        "created": rfc3339(stored.created),
        "updated": rfc3339(stored.changed),
    }
