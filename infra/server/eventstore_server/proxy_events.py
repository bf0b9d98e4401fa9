"""Requests as the events that the functions handle: what API Gateway passes on, as far as the handlers read it.

Rules: API Gateway Developer Guide, "Input format of a Lambda function for proxy integration" and "Set up a WebSocket
API integration request".
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from eventstore_hosting.http import HOP_BY_HOP, last_valued, many_valued

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from eventstore.subscriptions import ConnectionId

__all__ = ["CallContext", "Handshake", "message_event", "rest_event"]

_SECONDS = 29.0
"""The seconds that a call has, as behind API Gateway: a long poll ends before."""


@dataclass(frozen=True, slots=True)
class CallContext:
    """The part of Lambda's context object that handlers read.

    Attributes:
        aws_request_id: The id of the request.
        ends_at: When the call must have ended, in seconds of `clock`.
        clock: Returns the current time in seconds.
    """

    aws_request_id: str
    ends_at: float
    clock: Any
    function_name: str = "eventstore-server"

    @classmethod
    def starting_now(cls, request_id: str, clock: Any) -> CallContext:  # noqa: ANN401 - a function such as time.monotonic
        """Return the context of a call that starts now."""
        return cls(request_id, clock() + _SECONDS, clock)

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the call must have ended."""
        return max(0, int((self.ends_at - self.clock()) * 1000))


def rest_event(
    request: web.BaseRequest, body: bytes, *, request_id: str, authorizer: Mapping[str, object] | None = None
) -> dict[str, Any]:
    """Return the event of a request to the REST API.

    Args:
        request: The request.
        body: Its body, decoded.
        request_id: The id of the request.
        authorizer: What the authorizer says of the caller; None if there is none.
    """
    path, _, query = request.raw_path.partition("?")
    # The functions route by what lies between slashes, as the gateway does.
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": request.method,
        **_head(request, query.replace(";", "&")),
        "pathParameters": {"proxy": unquote(path.lstrip("/"))},
        "stageVariables": None,
        "requestContext": {
            "httpMethod": request.method,
            "identity": {"sourceIp": request.remote or ""},
            "path": path,
            "requestId": request_id,
            "stage": "",
            **_authorized(authorizer),
        },
        "body": b64encode(body).decode() if body else None,
        "isBase64Encoded": bool(body),
    }


@dataclass(frozen=True, slots=True)
class Handshake:
    """The request that opens a WebSocket connection.

    Attributes:
        connection_id: The id of the connection.
        opened: When it was opened, in milliseconds since 1970.
        request: The request.
    """

    connection_id: ConnectionId
    opened: int
    request: web.BaseRequest

    def connect_event(self, *, authorizer: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Return the event of `$connect`.

        Args:
            authorizer: As in `rest_event`.
        """
        _, _, query = self.request.raw_path.partition("?")
        return {
            **_head(self.request, query),
            "requestContext": {
                "connectionId": self.connection_id,
                "connectedAt": self.opened,
                "eventType": "CONNECT",
                "routeKey": "$connect",
                **_authorized(authorizer),
            },
        }


def message_event(
    connection_id: ConnectionId, text: str, *, authorizer: Mapping[str, object] | None = None
) -> dict[str, Any]:
    """Return the event of a message.

    Args:
        connection_id: The id of the connection.
        text: The message.
        authorizer: As in `rest_event`.
    """
    context = {"connectionId": connection_id, "eventType": "MESSAGE", **_authorized(authorizer)}
    return {"requestContext": context, "body": text, "isBase64Encoded": False}


def _head(request: web.BaseRequest, query: str) -> dict[str, Any]:
    headers = many_valued((name, value) for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP)
    parameters = many_valued(parse_qsl(query, keep_blank_values=True))
    return {
        "headers": last_valued(headers),
        "multiValueHeaders": headers,
        "queryStringParameters": last_valued(parameters) or None,
        "multiValueQueryStringParameters": parameters or None,
    }


def _authorized(authorizer: Mapping[str, object] | None) -> dict[str, object]:
    return {} if authorizer is None else {"authorizer": dict(authorizer)}
