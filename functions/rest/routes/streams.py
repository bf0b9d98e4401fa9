"""Streams: reading in order, creating, describing, changing, listing, forking and deleting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler.api_gateway import Router

from eventstore.streams import StreamName, stream_name
from functions.hub import hub
from functions.parameters import PERMANENT, QUERIES, require_known
from functions.rest import responses
from functions.rest.conditions import (
    conditions,
    entity_tag,
    is_current,
    prefers_batch,
    requires_new,
    settings_condition,
    settings_tag,
    tags,
    wait_seconds,
)
from functions.rest.paging import fitting, time_for_a_page
from functions.rest.queries import choice, names_query, narrowed, stream_query
from functions.rest.request import MERGE_PATCH, Request, json_body, segment
from functions.rest.tokens import STREAMS, next_token

if TYPE_CHECKING:
    from eventstore.ports import Slice
    from functions.answers.streams import StreamPageHead, Streams
    from functions.rest.responses import Answer

__all__ = ["router"]

router = Router()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped


@router.get("/streams/<stream>/events")
def read(stream: str) -> Answer:
    """Return a page of a stream; with `Prefer: wait`, wait for new events."""
    request = Request.of(router.current_event.raw_event, router.lambda_context)
    name = _name(stream)
    batch = prefers_batch(request.headers)
    wait = wait_seconds(request.headers, seconds_left=request.seconds_left)
    headers = {"Vary": "Accept, Prefer"}
    if wait:
        headers["Preference-Applied"] = f"wait={wait:.0f}"
    if "if-none-match" in request.headers:
        # The reader waits for a version other than its own, not for events after the position that it reads from.
        query = stream_query(request.query, wait_seconds=0.0)
        tag = _tag_once_changed(name, request, wait, batch=batch)
        if is_current(request.headers, tag):
            return responses.empty(304, headers=headers | {"ETag": tag})
    else:
        query = stream_query(request.query, wait_seconds=wait)
    query = narrowed(query, request.query, access=request.access)
    may_go_on = time_for_a_page()
    page, events = fitting(
        lambda query: hub().reader.read(name, query, access=request.access, may_go_on=may_go_on),
        query,
        may_go_on=may_go_on,
    )
    headers |= {"ETag": entity_tag(page.state, page.epoch, batch=batch), **responses.link(request, page.next)}
    if batch:
        return responses.batch(events, headers={**headers, **responses.missing_headers(page.lost)})
    head: StreamPageHead = {"stream": name, "head": page.state.head, **responses.missing(page.lost)}
    return responses.page(head, events, following=page.next, headers=headers)


@router.post("/streams")
def create() -> Answer:
    """Create a stream before anything is published to it."""
    # Imported here: only routes with a body need pydantic.
    from functions.rest.models import new_stream  # noqa: PLC0415 - see above

    request = Request.of(router.current_event.raw_event, router.lambda_context, conditions=("if-none-match",))
    require_known(request.query)
    new = requires_new(request.headers)
    name, config = new_stream(json_body(request))
    state, created = hub().streams.create(name, config, access=request.access, new=new)
    location = f"{request.base}/api/v1/streams/{state.name}"
    return responses.json_of(201 if created else 200, responses.stream(state), headers={"Location": location})


@router.get("/streams")
def overview() -> Answer:
    """Return a page of the streams, sorted by name."""
    request = Request.of(router.current_event.raw_event, router.lambda_context)
    query = names_query(request.query, STREAMS)
    states = hub().reader.streams(access=request.access, prefix=query.prefix, after=query.after, count=query.limit + 1)
    following = next_token(STREAMS, states, query.limit)
    answer: Streams = {"streams": [responses.stream(state) for state in states[: query.limit]]}
    if following:
        answer["next"] = following
    return responses.json_of(200, answer, headers=responses.link(request, following))


@router.get("/streams/<stream>")
def describe(stream: str) -> Answer:
    """Return the description of a stream."""
    request = Request.of(router.current_event.raw_event, router.lambda_context)
    require_known(request.query)
    description = hub().reader.describe(_name(stream), access=request.access)
    tag = settings_tag(description.state, description.epoch)
    headers = {"ETag": tag}
    if is_current(request.headers, tag):
        return responses.empty(304, headers=headers)
    return responses.json_of(200, responses.stream(description.state), headers=headers)


@router.patch("/streams/<stream>")
def change(stream: str) -> Answer:
    """Change a stream's retention or labels, also if its first publish created it."""
    # Imported here: only routes with a body need pydantic.
    from functions.rest.models import stream_changes  # noqa: PLC0415 - see above

    event, context = router.current_event.raw_event, router.lambda_context
    request = Request.of(event, context, conditions=("if-match",))
    require_known(request.query)
    name = _name(stream)
    changes = stream_changes(json_body(request, MERGE_PATCH))
    accepts = settings_condition(tags(request.headers))
    state, epoch = hub().streams.configure(name, changes, access=request.access, accepts=accepts)
    return responses.json_of(200, responses.stream(state), headers={"ETag": settings_tag(state, epoch)})


@router.post("/streams/<stream>/fork")
def fork(stream: str) -> Answer:
    """Make a stream of the first events of another one."""
    # Imported here: only routes with a body need pydantic.
    from functions.rest.models import fork_request  # noqa: PLC0415 - see above

    request = Request.of(router.current_event.raw_event, router.lambda_context)
    require_known(request.query)
    to, until = fork_request(json_body(request))
    state, created = hub().streams.fork(_name(stream), to, access=request.access, until=until)
    origin = state.config.forked_from
    is_complete = origin is not None and origin.complete
    location = f"{request.base}/api/v1/streams/{state.name}"
    status = 202 if not is_complete else 201 if created else 200
    return responses.json_of(status, responses.stream(state), headers={"Location": location})


@router.delete("/streams/<stream>")
def delete(stream: str) -> Answer:
    """Delete a stream's events; `?permanent=true` deletes the stream permanently."""
    request = Request.of(
        router.current_event.raw_event,
        router.lambda_context,
        conditions=("if-match", "if-none-match"),
    )
    require_known(request.query, QUERIES["deleteStream"])
    hub().streams.delete(
        _name(stream),
        access=request.access,
        permanently=choice(request.query, PERMANENT) == "true",
        conditions=conditions(request.headers),
    )
    return responses.empty(204)


def _name(stream: str) -> StreamName:
    """Return the stream's name in the path; raises `InvalidStream`."""
    return stream_name(segment(stream), pointer="stream")


def _tag_once_changed(stream: StreamName, request: Request, seconds: float, *, batch: bool) -> str:
    """Return the stream's entity tag once it differs from the reader's, or once the wait is over."""
    reader, access = hub().reader, request.access
    current = reader.describe(stream, access=access)
    if seconds and is_current(request.headers, _tag(current, batch=batch)):
        reader.wait(current.state, access=access, seconds=seconds)
        current = reader.describe(stream, access=access)
    return _tag(current, batch=batch)


def _tag(description: Slice, *, batch: bool = False) -> str:
    return entity_tag(description.state, description.epoch, batch=batch)
