"""The calls that concern connections."""

from __future__ import annotations

from typing import Any

from functions.rest.openapi.answers import NEXT, json, problems
from functions.rest.openapi.parameters import PATH, parameters

__all__ = ["CONNECTION_PATHS"]

_LIST: dict[str, Any] = {
    "operationId": "listConnections",
    "summary": "List connections",
    "description": (
        "Who is connected over WebSocket or gRPC, in the order in which the connections were opened. A limited "
        "credential sees connections whose own credentials reach no other streams."
    ),
    "tags": ["connections"],
    "parameters": parameters("listConnections"),
    "responses": {"200": json("A page.", "Connections", NEXT), **problems(422)},
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
