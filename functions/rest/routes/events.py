"""Events of all streams: publishing, searching, and finding an event by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler.api_gateway import Router

from eventstore.cloudevents import from_http
from eventstore.cloudevents.event import EventId
from functions.hub import hub
from functions.parameters import GET_EVENT, MODE, QUERIES, SOURCE, require_known
from functions.rest import responses
from functions.rest.conditions import expected, prefers_batch
from functions.rest.paging import fitting, time_for_a_page
from functions.rest.queries import all_query, choice, narrowed, single_value, stream_named
from functions.rest.request import Request, segment

if TYPE_CHECKING:
    from functions.answers.members import Results
    from functions.answers.streams import EventPageHead
    from functions.rest.responses import Answer

__all__ = ["router"]

router = Router()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped


@router.post("/events")
def publish() -> Answer:
    """Store the events of a request, all or none of each stream."""
    request = Request.of(
        router.current_event.raw_event,
        router.lambda_context,
        conditions=("if-match", "if-none-match"),
    )
    require_known(request.query, QUERIES["publishEvents"])
    stream = stream_named(request.query)
    condition = expected(request.headers)
    events = from_http(request.headers, request.body)
    results = hub().publisher.publish(events, access=request.access, stream=stream, expected=condition)
    status = 200 if all(result.duplicate for result in results) else 201
    answer: Results = {"results": [responses.published(result) for result in results]}
    return responses.json_of(status, answer)


@router.get("/events")
def search() -> Answer:
    """Return a page of the events of all streams, in the order in which they were stored."""
    request = Request.of(router.current_event.raw_event, router.lambda_context)
    query = narrowed(all_query(request.query), request.query, access=request.access)
    may_go_on = time_for_a_page()
    page, events = fitting(
        lambda query: hub().reader.search(query, access=request.access, may_go_on=may_go_on),
        query,
        may_go_on=may_go_on,
    )
    headers = {"Vary": "Accept", **responses.link(request, page.next)}
    if prefers_batch(request.headers):
        return responses.batch(events, headers={**headers, **responses.missing_headers(page.lost)})
    head: EventPageHead = {"cursor": page.cursor, **responses.missing(page.lost)}
    return responses.page(head, events, following=page.next, headers=headers)


@router.get("/events/<event_id>")
def find(event_id: str) -> Answer:
    """Return an event by its id."""
    request = Request.of(router.current_event.raw_event, router.lambda_context)
    require_known(request.query, GET_EVENT)
    stream, mode, source = stream_named(request.query), choice(request.query, MODE), single_value(request.query, SOURCE)
    event = hub().reader.find(EventId(segment(event_id)), access=request.access, source=source, stream=stream)
    return responses.binary(event) if mode == "binary" else responses.structured(event)
