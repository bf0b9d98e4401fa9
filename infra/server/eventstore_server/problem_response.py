"""The response to a request that no handler has seen: the same problem as from a handler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from eventstore_hosting.http import SERVER
from functions.rest import problems

if TYPE_CHECKING:
    from eventstore.errors import EventstoreError

__all__ = ["problem_response"]


def problem_response(error: EventstoreError, *, open_to_pages: bool = False) -> web.Response:
    """Return the response that reports an error.

    Args:
        error: The error.
        open_to_pages: Whether pages of other origins may read it.
    """
    answer = problems.of(error)
    headers = {"Content-Type": answer.content_type or "application/problem+json", "Server": SERVER}
    if open_to_pages:
        # It says nothing of what is stored.
        headers["Access-Control-Allow-Origin"] = "*"
    body = answer.body if isinstance(answer.body, bytes) else (answer.body or "").encode()
    return web.Response(status=answer.status_code, headers=headers, body=body)
