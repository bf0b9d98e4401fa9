"""The response to a request that no handler has seen: the same problem as from a handler."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aiohttp import web

from eventstore_hosting.http import SERVER
from functions.rest import problems

if TYPE_CHECKING:
    from eventstore.errors import EventstoreError

__all__ = ["problem_response"]


def problem_response(error: EventstoreError, request_id: str = "", *, open_to_pages: bool = False) -> web.Response:
    """Return the response that reports an error. Like that of API Gateway, it names the request.

    Args:
        error: The error.
        request_id: The id of the request; empty if it has none.
        open_to_pages: Whether pages of other origins may read it.
    """
    answer = problems.of(error)
    headers = {name: str(value) for name, value in answer.headers.items()} | {"Server": SERVER}
    if open_to_pages:
        # It says nothing of what is stored.
        headers["Access-Control-Allow-Origin"] = "*"
    problem = json.loads(answer.body or "{}") | ({"request": request_id} if request_id else {})
    body = json.dumps(problem, separators=(",", ":")).encode()
    return web.Response(status=answer.status_code, headers=headers, body=body)
