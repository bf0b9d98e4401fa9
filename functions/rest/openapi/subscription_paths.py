"""The calls that concern durable subscriptions."""

from __future__ import annotations

from typing import Any

from functions.rest.openapi.answers import NEXT, json, problems
from functions.rest.openapi.parameters import HEADERS, PATH, parameters
from functions.rest.openapi.shapes import body
from functions.rest.request import MERGE_PATCH

__all__ = ["SUBSCRIPTION_PATHS"]

_LOCATION: dict[str, Any] = {"Location": {"schema": {"type": "string"}, "required": True}}
_ETAG: dict[str, Any] = {
    "ETag": {"schema": {"type": "string"}, "required": True, "description": "What tells this definition from others."}
}


_CREATE: dict[str, Any] = {
    "operationId": "createSubscription",
    "summary": "Create a durable subscription",
    "description": (
        "It outlives connections: those that name it over WebSocket share its events and acknowledge them. With a "
        "`target`, the hub pushes its events there instead, and the target's success acknowledges them. The same "
        "again is answered 200, whatever its place; another of the same name is a conflict."
    ),
    "tags": ["subscriptions"],
    "requestBody": body("NewSubscription"),
    "responses": {
        "201": json("Created.", "Subscription", _LOCATION),
        "200": json("It exists with this definition.", "Subscription", _LOCATION),
        **problems(400, 404, 409, 410, 413, 415, 422),
    },
}

_LIST: dict[str, Any] = {
    "operationId": "listSubscriptions",
    "summary": "List durable subscriptions",
    "description": "In the order of their names.",
    "tags": ["subscriptions"],
    "parameters": parameters("listSubscriptions"),
    "responses": {"200": json("A page.", "Subscriptions", NEXT), **problems(422)},
}

_GET: dict[str, Any] = {
    "operationId": "getSubscription",
    "summary": "Describe a durable subscription and how it stands",
    "tags": ["subscriptions"],
    "parameters": parameters("getSubscription", PATH["subscription"]),
    "responses": {"200": json("The subscription.", "SubscriptionStanding", _ETAG), **problems(400, 404, 422)},
}

_CHANGE: dict[str, Any] = {
    "operationId": "changeSubscription",
    "summary": "Change a durable subscription",
    "description": (
        "It keeps its place. Each partition goes by the new definition from its next turn on, usually at once; what is "
        "in flight ends under the old one. Streams whose failed event does not match any more are not parked or held "
        "for it. A `target` is changed member by member, and cannot be added while there are "
        "members. `stream` cannot be changed: create another subscription behind this one's `cursor`."
    ),
    "tags": ["subscriptions"],
    "parameters": parameters("changeSubscription", PATH["subscription"], HEADERS["IfDefinition"]),
    "requestBody": body("SubscriptionChanges", MERGE_PATCH),
    "responses": {"200": json("Its definition.", "Subscription", _ETAG), **problems(400, 404, 409, 412, 413, 415, 422)},
}

_DELETE: dict[str, Any] = {
    "operationId": "deleteSubscription",
    "summary": "End a durable subscription",
    "description": "With all that it had in flight and parked; its dead letters are discarded, and its members told.",
    "tags": ["subscriptions"],
    "parameters": parameters("deleteSubscription", PATH["subscription"], HEADERS["IfDefinition"]),
    "responses": {"204": {"description": "Ended."}, **problems(400, 404, 412, 422)},
}

_REPLAY: dict[str, Any] = {
    "operationId": "replaySubscription",
    "summary": "Let a durable subscription go on from another place",
    "description": (
        "Nothing is in flight, held or parked then; its dead letters are discarded. The next turn of each partition "
        "does it, usually at once."
    ),
    "tags": ["subscriptions"],
    "parameters": parameters("replaySubscription", PATH["subscription"]),
    "requestBody": body("Replay"),
    "responses": {"202": json("It will.", "Moved"), **problems(400, 404, 413, 415, 422)},
}

_PARKED: dict[str, Any] = {
    "operationId": "listDeadLetters",
    "summary": "List parked streams",
    "description": (
        "In the order of subscriptions and streams. With `subscription` and `stream` both given, the event that failed "
        "comes along, if it is still kept."
    ),
    "tags": ["dead letters"],
    "parameters": parameters("listDeadLetters"),
    "responses": {"200": json("A page.", "DeadLetters", NEXT), **problems(404, 422)},
}

_REDRIVE: dict[str, Any] = {
    "operationId": "redriveDeadLetters",
    "summary": "Redrive parked streams",
    "description": "In their order. The next turns of their partitions do it; their dead letters are discarded.",
    "tags": ["dead letters"],
    "requestBody": body("Redrive"),
    "responses": {
        "202": json("Accepted: the next turns of the partitions do it.", "Redriven"),
        **problems(400, 404, 413, 415, 422),
    },
}

_PURGE: dict[str, Any] = {
    "operationId": "purgeDeadLetters",
    "summary": "Drop what is parked",
    "description": "The streams go on behind it, as by a redrive that says `drop`.",
    "tags": ["dead letters"],
    "parameters": parameters("purgeDeadLetters"),
    "responses": {"202": json("Accepted: the next turns of the partitions do it.", "Redriven"), **problems(404, 422)},
}

SUBSCRIPTION_PATHS: dict[str, Any] = {
    "/api/v1/subscriptions": {"get": _LIST, "post": _CREATE},
    "/api/v1/subscriptions/{subscription}": {"get": _GET, "patch": _CHANGE, "delete": _DELETE},
    "/api/v1/subscriptions/{subscription}/replay": {"post": _REPLAY},
    "/api/v1/dead-letters": {"get": _PARKED, "delete": _PURGE},
    "/api/v1/dead-letters/redrive": {"post": _REDRIVE},
}
