"""The events that a WebSocket API makes for its functions.

Rules: API Gateway Developer Guide, "Set up a WebSocket API integration request in API Gateway" and "Manage connected
users and client apps: $connect and $disconnect routes"; Lambda's sample events for WebSocket APIs.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from os import urandom
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from eventstore_dev.websocket.declared import CONNECT, DISCONNECT
from eventstore_hosting.http import HOP_BY_HOP, clf_time, last_valued, many_valued

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from eventstore_hosting.wire import Closure


@dataclass(frozen=True, slots=True)
class Client:
    """Who is at the other end of a connection, and where it came in.

    Attributes:
        domain: Host and port, at which @connections can be reached as well.
        connected_at: Seconds since 1970.
        authorizer: What the authorizer of `$connect` passed on; functions get it with every event of the connection.
    """

    connection_id: str
    api: str
    stage: str
    domain: str
    source_ip: str
    user_agent: str | None
    connected_at: float
    authorizer: Mapping[str, object] | None = None


def new_id() -> str:
    """An id of a connection, a request or a message, as API Gateway writes them."""
    return urlsafe_b64encode(urandom(11)).decode()


def encode_connect(
    client: Client, *, headers: Iterable[tuple[str, str]], query: str, now: float, request_id: str, trace_id: str
) -> bytes:
    """The event of `$connect`: the only one that tells of the client's request."""
    event = _request(client, headers, query, trace_id)
    event["requestContext"] = _context(client, CONNECT, "CONNECT", now, request_id)
    event["isBase64Encoded"] = False
    return _encode(event)


def encode_question(
    client: Client,
    *,
    arn: str,
    headers: Iterable[tuple[str, str]],
    query: str,
    now: float,
    request_id: str,
    trace_id: str,
) -> bytes:
    """The event of an authorizer, before `$connect` is called."""
    absent: dict[str, object] = {
        "queryStringParameters": {},
        "multiValueQueryStringParameters": {},
        "stageVariables": {},
    }
    told = _request(client, headers, query, trace_id)
    context = _context(client, CONNECT, "CONNECT", now, request_id)
    return _encode({"type": "REQUEST", "methodArn": arn, **absent, **told, "requestContext": context})


def _request(client: Client, headers: Iterable[tuple[str, str]], query: str, trace_id: str) -> dict[str, object]:
    many = many_valued((name, value) for name, value in headers if name.lower() not in HOP_BY_HOP)
    many["X-Amzn-Trace-Id"] = [trace_id]
    many["X-Forwarded-For"] = [client.source_ip]
    many["X-Forwarded-Port"] = [client.domain.rpartition(":")[2]]
    many["X-Forwarded-Proto"] = ["http"]
    event: dict[str, object] = {"headers": last_valued(many), "multiValueHeaders": many}
    parameters = many_valued(parse_qsl(query, keep_blank_values=True))
    if parameters:
        event["queryStringParameters"] = last_valued(parameters)
        event["multiValueQueryStringParameters"] = parameters
    return event


def encode_message(client: Client, route: str, body: str, *, now: float, request_id: str) -> bytes:
    """The event of a message."""
    context = {"messageId": new_id(), **_context(client, route, "MESSAGE", now, request_id)}
    return _encode({"requestContext": context, "body": body, "isBase64Encoded": False})


def encode_disconnect(client: Client, closure: Closure, *, now: float, request_id: str) -> bytes:
    """The event of `$disconnect`."""
    many = {"Host": [client.domain], "x-api-key": [""], "X-Forwarded-For": [""], "x-restapi": [""]}
    context = {
        **_context(client, DISCONNECT, "DISCONNECT", now, request_id),
        "disconnectStatusCode": closure.code,
        "disconnectReason": closure.reason,
    }
    return _encode(
        {
            "headers": last_valued(many),
            "multiValueHeaders": many,
            "requestContext": context,
            "isBase64Encoded": False,
        }
    )


def _context(client: Client, route: str, kind: str, now: float, request_id: str) -> dict[str, object]:
    identity = {"sourceIp": client.source_ip}
    if client.user_agent is not None:
        identity["userAgent"] = client.user_agent
    authorizer = {"authorizer": client.authorizer} if client.authorizer is not None else {}
    return {
        **authorizer,
        "routeKey": route,
        "eventType": kind,
        "extendedRequestId": request_id,
        "requestTime": clf_time(datetime.fromtimestamp(now, UTC)),
        "messageDirection": "IN",
        "stage": client.stage,
        "connectedAt": int(client.connected_at * 1000),
        "requestTimeEpoch": int(now * 1000),
        "identity": identity,
        "requestId": request_id,
        "domainName": client.domain,
        "connectionId": client.connection_id,
        "apiId": client.api.lower(),
    }


def _encode(event: dict[str, object]) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()
