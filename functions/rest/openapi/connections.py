"""The calls that concern connections, and the schemas of their answers."""

from __future__ import annotations

from typing import Any

from eventstore.subscriptions import BARE, EVENTSTORE
from functions.rest.openapi.answers import LINK, json, problems
from functions.rest.openapi.parameters import PATH, parameters
from functions.rest.openapi.shapes import COUNT, NAME, SEQUENCE, TIME, TOKEN, closed, many, ref

__all__ = ["CONNECTION_PATHS", "CONNECTION_SCHEMAS"]

_NEXT: dict[str, Any] = {"Link": LINK["Link"]}
_TEXT: dict[str, Any] = {"type": "string"}

_LIST: dict[str, Any] = {
    "operationId": "listConnections",
    "summary": "List connections",
    "description": (
        "Who is connected over WebSocket, in the order in which the connections were opened. A limited credential sees "
        "connections whose own credentials reach no other streams."
    ),
    "tags": ["connections"],
    "parameters": parameters("listConnections"),
    "responses": {"200": json("A page.", "Connections", _NEXT), **problems(422)},
}

_CLOSE: dict[str, Any] = {
    "operationId": "closeConnection",
    "summary": "Close a connection",
    "description": (
        "Its subscriptions end, and it leaves its durable subscriptions. The client receives the frames that were sent "
        "before, then the reason, and the connection is closed. The client may connect again: to keep it out, withdraw "
        "its credential first."
    ),
    "tags": ["connections"],
    "parameters": parameters("closeConnection", PATH["connection"]),
    "responses": {"204": {"description": "It is removed, and is being closed."}, **problems(400, 404, 422)},
}

CONNECTION_PATHS: dict[str, Any] = {
    "/api/v1/connections": {"get": _LIST},
    "/api/v1/connections/{connection}": {"delete": _CLOSE},
}

_IN_FLIGHT: dict[str, Any] = COUNT | {
    "description": "Events of durable subscriptions that the connection was sent and has not acknowledged."
}
_FRAMES: dict[str, Any] = many(closed({"partition": COUNT, "frame": SEQUENCE}))
_OWN_ID: dict[str, Any] = _TEXT | {"description": "As the client calls the subscription."}

_EPHEMERAL = closed(
    {
        "id": _OWN_ID,
        "filters": many(ref("Filter")) | {"description": "Including the restriction of the credential."},
        "stream": many(NAME) | {"description": "Of these streams; without it, of all."},
        "frames": _FRAMES | {"description": "The last frame of each partition that has sent any."},
    },
    optional=("stream",),
)
_MEMBERSHIP = closed(
    {
        "id": _OWN_ID,
        "subscription": NAME | {"description": "The durable subscription."},
        "in_flight": _IN_FLIGHT,
        "frames": _FRAMES | {"description": "The last frame of each partition that the connection owns."},
    }
)
_CONNECTION = closed(
    {
        "id": _TEXT,
        "connected": TIME,
        "protocol": {"type": "string", "enum": [EVENTSTORE, BARE]},
        "subject": _TEXT
        | {"description": "Whose credential it has. Left out where no authorizer decides, as with AWS credentials."},
        "tenants": many(_TEXT) | {"description": "The tenants of its credential, if it is limited to some."},
        "prefixes": many(_TEXT)
        | {"description": "The prefixes of the streams that its credential reaches, if it is limited to some."},
        "in_flight": _IN_FLIGHT,
        "subscriptions": many({"oneOf": [_EPHEMERAL, _MEMBERSHIP]})
        | {"description": "Those of the connection itself, then its part in durable subscriptions."},
    },
    optional=("subject", "tenants", "prefixes"),
)

CONNECTION_SCHEMAS: dict[str, Any] = {
    "Connection": _CONNECTION,
    "Connections": closed({"connections": many(ref("Connection")), "next": TOKEN}, optional=("next",)),
}
