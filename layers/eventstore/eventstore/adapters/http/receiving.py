"""Receiving the answer to a request."""

from __future__ import annotations

from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import socket

    from eventstore.adapters.http.deadlines import TimedStream

__all__ = ["Answer", "receive"]

_MAX_BODY = 4096
_BODY_SECONDS = 1.0
"""How long the body of an answer is awaited. It decides nothing: the status line does."""

_INTERIM = range(102, 200)
"""The statuses of answers that precede the final one; `http.client` passes over 100 itself."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of a target.

    Attributes:
        status: The status code.
        headers: The headers, by their names in lower case.
        body: The beginning of the body.
    """

    status: int
    headers: dict[str, str]
    body: bytes


def receive(stream: TimedStream) -> tuple[Answer, bool]:
    """Return an answer, and whether the connection can be used again.

    Raises:
        OSError: The answer did not arrive, or not in time (`TimeoutError`).
        HTTPException: It is not HTTP.
    """
    response = HTTPResponse(cast("socket.socket", stream), method="POST")
    response.begin()
    while response.status in _INTERIM:
        # `begin` reads nothing if there are headers (RFC 9110, 15.2).
        response.headers = None  # type: ignore[assignment] # as it is at first
        response.begin()
    body, complete = b"", False
    stream.deadline = stream.deadline.at_most(_BODY_SECONDS)
    try:
        body = response.read(_MAX_BODY)
        complete = response.isclosed()
    except (OSError, HTTPException, ValueError):
        # The status line was received, and decides.
        complete = False
    response.close()
    headers = {name.lower(): value for name, value in response.getheaders()}
    reusable = complete and not response.will_close and not stream.has_surplus
    return Answer(response.status, headers, body), reusable
