"""Events of all streams: publishing, searching, and finding one by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler.api_gateway import Router

from eventstore.cloudevents import from_http
from functions.hub import hub
from functions.parameters import GET_EVENT, MODE, QUERIES, SOURCE
from functions.rest import responses
from functions.rest.conditions import expected, prefers_batch
from functions.rest.paging import fitting, time_for_a_page
from functions.rest.queries import all_query, choice, one, only, stream_named
from functions.rest.request import Request, segment

if TYPE_CHECKING:
    from functions.rest.responses import Answer

__all__ = ["router"]

router = Router()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped


@router.post("/events")
def publish() -> Answer:
    """Store the events of one request, all or none of each stream."""
    request = Request.of(
        router.current_event.raw_event,
        router.lambda_context,
        conditions=("if-match", "if-none-match"),
    )
    only(request.query, QUERIES["publishEvents"])
    stream = stream_named(request.query)
    condition = expected(request.headers)
    events = from_http(request.headers, request.body)
    results = hub().publisher.publish(events, access=request.access, stream=stream, expected=condition)
    status = 200 if all(result.duplicate for result in results) else 201
    return responses.json_of(status, {"results": [responses.published(result) for result in results]})


@router.get("/events")
def search() -> Answer:
    """A page of the events of all streams, in the order in which they were stored."""
    request = Request.of(router.current_event.raw_event, router.lambda_context)
    query = all_query(request.query)
    may_go_on = time_for_a_page()
    page, events = fitting(
        lambda query: hub().reader.search(query, access=request.access, may_go_on=may_go_on),
        query,
        may_go_on=may_go_on,
    )
    headers = {"Vary": "Accept", **responses.link(request, page.next)}
    if prefers_batch(request.headers):
        return responses.batch(events, headers={**headers, **responses.missing_headers(page.lost)})
    members = {"cursor": page.cursor, **responses.missing(page.lost)}
    return responses.page(members, events, following=page.next, headers=headers)


@router.get("/events/<event_id>")
def find(event_id: str) -> Answer:
    """One event by its id."""
    request = Request.of(router.current_event.raw_event, router.lambda_context)
    only(request.query, GET_EVENT)
    stream, mode, source = stream_named(request.query), choice(request.query, MODE), one(request.query, SOURCE)
    event = hub().reader.find(segment(event_id), access=request.access, source=source, stream=stream)
    return responses.binary(event) if mode == "binary" else responses.structured(event)
