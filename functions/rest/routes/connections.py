"""Connections of clients: listing who is connected, and closing a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from aws_lambda_powertools.event_handler.api_gateway import Router

from eventstore.ports import ListedConnection
from functions.hub import hub
from functions.parameters import require_known
from functions.rest import responses
from functions.rest.connection_answers import connection_status
from functions.rest.paging import time_for_a_page, within
from functions.rest.queries import connections_query
from functions.rest.request import Request, segment
from functions.rest.tokens import connection_token

if TYPE_CHECKING:
    from eventstore.subscriptions import ConnectionId
    from functions.rest.responses import Answer

__all__ = ["router"]

router = Router()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped


@router.get("/connections")
def overview() -> Answer:
    """Return a page of the connections, in the order in which they were opened."""
    request = Request.of(router.current_event.raw_event, router.lambda_context)
    query = connections_query(request.query)
    page = hub().connections.list(
        access=request.access, after=query.after, count=query.limit, may_go_on=time_for_a_page()
    )
    encoded = [connection_status(status) for status in page.connections]
    count = within(encoded)
    following = page.next
    if count < len(encoded):
        last = page.connections[count - 1].connection
        following = ListedConnection(last.opened, last.id)
    token = None if following is None else connection_token(following)
    return responses.items("connections", encoded[:count], following=token, headers=responses.link(request, token))


@router.delete("/connections/<connection>")
def close(connection: str) -> Answer:
    """Close a connection; its client is notified, and may connect again."""
    request = Request.of(router.current_event.raw_event, router.lambda_context)
    require_known(request.query)
    # A cast, for a cold start needs nothing else of `subscriptions`.
    hub().connections.close(cast("ConnectionId", segment(connection)), access=request.access)
    return responses.empty(204)
