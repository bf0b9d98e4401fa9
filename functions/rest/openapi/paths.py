"""The paths of the OpenAPI document, with what each method accepts and answers."""

from __future__ import annotations

from typing import Any

from functions.rest.openapi.answers import ETAG, LINK, MISSING, NEXT, json, problems
from functions.rest.openapi.connections import CONNECTION_PATHS
from functions.rest.openapi.filter_paths import FILTER_PATHS
from functions.rest.openapi.parameters import HEADERS, PATH, parameters
from functions.rest.openapi.schema_paths import SCHEMA_PATHS
from functions.rest.openapi.shapes import body, ref
from functions.rest.openapi.subscription_paths import SUBSCRIPTION_PATHS
from functions.rest.request import MERGE_PATCH

__all__ = ["PATHS"]

_UNCHANGED: dict[str, Any] = {"304": {"description": "The reader has the current version.", "headers": ETAG}}
_BATCH: dict[str, Any] = {"application/cloudevents-batch+json": {"schema": ref("Batch")}}


def _page(description: str, schema: str, headers: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": ref(schema)}, **_BATCH}
    return {"description": description, "content": content, "headers": {**headers, **MISSING}}


_PUBLISH: dict[str, Any] = {
    "operationId": "publishEvents",
    "summary": "Publish events",
    "description": (
        "In any mode of the CloudEvents HTTP binding: structured, batched (all or none of each stream), or binary, "
        "which is every other Content-Type with the attributes as `ce-*` headers. Publishing again is safe."
    ),
    "tags": ["events"],
    "parameters": parameters("publishEvents", HEADERS["IfMatch"], HEADERS["IfNew"]),
    "requestBody": {
        "required": True,
        "content": {
            "application/cloudevents+json": {"schema": ref("CloudEvent")},
            "application/cloudevents-batch+json": {
                "schema": {"type": "array", "items": ref("CloudEvent"), "minItems": 1, "maxItems": 1000}
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    },
    "responses": {
        "201": json("Stored.", "Results"),
        "200": json("All of them were stored before.", "Results"),
        **problems(400, 409, 410, 412, 413, 415, 422),
    },
}

_SEARCH: dict[str, Any] = {
    "operationId": "searchEvents",
    "summary": "Find events of all streams",
    "description": "In the order in which they were stored; those of one stream in its order.",
    "tags": ["events"],
    "parameters": parameters("searchEvents"),
    "responses": {"200": _page("A page.", "EventPage", LINK), **problems(404, 410, 422)},
}

_FIND: dict[str, Any] = {
    "operationId": "getEvent",
    "summary": "Get one event",
    "tags": ["events"],
    "parameters": parameters("getEvent", PATH["id"]),
    "responses": {
        "200": {
            "description": "The event; in binary mode with its own media type, and its attributes as `ce-*` headers.",
            "content": {"application/cloudevents+json": {"schema": ref("RecordedEvent")}, "*/*": {"schema": {}}},
        },
        **problems(400, 404, 409, 422),
    },
}

_CREATE: dict[str, Any] = {
    "operationId": "createStream",
    "summary": "Create a stream",
    "description": "Only needed for its settings: publishing creates a stream, too.",
    "tags": ["streams"],
    "parameters": parameters("createStream", HEADERS["IfNotThere"]),
    "requestBody": body("NewStream"),
    "responses": {
        "201": json("Created.", "Stream", {"Location": {"schema": {"type": "string"}, "required": True}}),
        "200": json("It exists with these settings.", "Stream", {"Location": {"schema": {"type": "string"}}}),
        **problems(400, 409, 410, 412, 413, 415, 422),
    },
}

_OVERVIEW: dict[str, Any] = {
    "operationId": "listStreams",
    "summary": "List streams",
    "description": "In the order of their names.",
    "tags": ["streams"],
    "parameters": parameters("listStreams"),
    "responses": {"200": json("A page.", "Streams", NEXT), **problems(422)},
}

_DESCRIBE: dict[str, Any] = {
    "operationId": "getStream",
    "summary": "Describe a stream",
    "tags": ["streams"],
    "parameters": parameters("getStream", PATH["stream"], HEADERS["IfNoneMatch"]),
    "responses": {"200": json("The stream.", "Stream", ETAG), **_UNCHANGED, **problems(400, 404, 410, 422)},
}

_CHANGE: dict[str, Any] = {
    "operationId": "changeStream",
    "summary": "Change a stream's retention or labels",
    "description": (
        "A JSON merge patch (RFC 7396): null removes a limit or a label, and what is left out stays as it is. "
        "Also of a stream that its first publish made. What the retention does not keep any more is removed, once it "
        "was dispatched."
    ),
    "tags": ["streams"],
    "parameters": parameters("changeStream", PATH["stream"], HEADERS["IfSettings"]),
    "requestBody": body("StreamChanges", MERGE_PATCH),
    "responses": {"200": json("The stream.", "Stream", ETAG), **problems(400, 404, 410, 412, 413, 415, 422)},
}

_LOCATION: dict[str, Any] = {"Location": {"schema": {"type": "string"}, "required": True}}

_FORK: dict[str, Any] = {
    "operationId": "forkStream",
    "summary": "Make a stream of the first events of another one",
    "description": (
        "The same events in the same order, with the sequences from 1: only `hubstream`, `hubsequence` and `hubtime` "
        "differ. Subscriptions receive events of a fork only if they name it, and reads of all streams leave it out, "
        "so that no worker of other streams handles them. The same request may be sent again: it continues a fork that "
        "is not complete, and returns one that is."
    ),
    "tags": ["streams"],
    "parameters": parameters("forkStream", PATH["stream"]),
    "requestBody": body("ForkRequest"),
    "responses": {
        "201": json("Created.", "Stream", _LOCATION),
        "200": json("It was there before.", "Stream", _LOCATION),
        "202": json("Not all events are copied yet; send the request again to continue.", "Stream", _LOCATION),
        **problems(400, 404, 409, 410, 413, 415, 422),
    },
}

_DELETE: dict[str, Any] = {
    "operationId": "deleteStream",
    "summary": "Delete a stream's events",
    "description": "Its sequences go on where they were; `permanent=true` ends it.",
    "tags": ["streams"],
    "parameters": parameters("deleteStream", PATH["stream"], HEADERS["IfVersion"], HEADERS["IfNoVersion"]),
    "responses": {"204": {"description": "Deleted."}, **problems(400, 404, 410, 412, 422)},
}

_READ: dict[str, Any] = {
    "operationId": "readStream",
    "summary": "Read a stream in order",
    "tags": ["streams"],
    "parameters": parameters("readStream", PATH["stream"], HEADERS["IfNoneMatch"], HEADERS["Prefer"]),
    "responses": {
        "200": _page("A page.", "StreamPage", {**ETAG, **LINK, "Preference-Applied": {"schema": {"type": "string"}}}),
        **_UNCHANGED,
        **problems(400, 404, 410, 422),
    },
}


def _health(operation: str) -> dict[str, Any]:
    return {
        "operationId": operation,
        "summary": "Whether the hub is well",
        "tags": ["about"],
        "responses": {"200": json("It is.", "Health"), **problems()},
    }


def _document(operation: str, summary: str, content: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": operation,
        "summary": summary,
        "tags": ["about"],
        "responses": {"200": {"description": summary, "content": content}, **problems()},
    }


_MODULE_HEADERS: dict[str, Any] = {
    "ETag": {"schema": {"type": "string"}, "required": True, "description": "Changes with the module."},
    "Cache-Control": {"schema": {"type": "string"}, "required": True},
}
_MODULE: dict[str, Any] = {
    **_document("getModule", "The JavaScript module for pages", {}),
    "description": (
        "A client of this API and of the WebSocket protocol, for browsers and Node.js: one file without dependencies. "
        '`import { EventStore } from "…/api/v1/eventstore.js"`.'
    ),
    "parameters": [HEADERS["IfNoneMatch"]],
    "responses": {
        "200": {
            "description": "The module.",
            "headers": _MODULE_HEADERS,
            "content": {"text/javascript": {"schema": {"type": "string"}}},
        },
        "304": {"description": "The reader has it.", "headers": _MODULE_HEADERS},
        **problems(),
    },
}

_STATS: dict[str, Any] = {
    "operationId": "getStats",
    "summary": "What the store holds",
    "tags": ["about"],
    "responses": {"200": json("Counts, in all and per partition; and durable subscriptions.", "Stats"), **problems()},
}

_RENEW: dict[str, Any] = {
    "operationId": "renewEpoch",
    "summary": "Say that the store was restored",
    "description": (
        "Every partition gets another epoch, and frames get other numbers: cursors given before are refused with "
        "`new-epoch`, and subscribers start over. What is stored stays as it is. For a store that was restored from an "
        "older snapshot, before clients come back. To call it again is safe, and renews once more."
    ),
    "tags": ["about"],
    "responses": {"200": json("The partitions, and their new epochs.", "Renewed"), **problems(422)},
}

_HANDSHAKE: dict[str, Any] = {
    "operationId": "checkHandshake",
    "summary": "Whether a WebSocket handshake would be accepted",
    "description": (
        "With the parameters and the credential of a connection of the subprotocol `cloudevents.json`. A browser does "
        "not tell a page why a handshake was refused; this call does, and opens nothing."
    ),
    "tags": ["subscriptions"],
    "parameters": parameters("checkHandshake"),
    "responses": {"204": {"description": "It would be."}, **problems(403, 404, 410, 422)},
}

PATHS: dict[str, Any] = {
    "/api/v1/events": {"get": _SEARCH, "post": _PUBLISH},
    "/api/v1/events/{id}": {"get": _FIND},
    "/api/v1/streams": {"get": _OVERVIEW, "post": _CREATE},
    "/api/v1/streams/{stream}": {"get": _DESCRIBE, "patch": _CHANGE, "delete": _DELETE},
    "/api/v1/streams/{stream}/events": {"get": _READ},
    "/api/v1/streams/{stream}/fork": {"post": _FORK},
    **SUBSCRIPTION_PATHS,
    **FILTER_PATHS,
    **SCHEMA_PATHS,
    **CONNECTION_PATHS,
    "/api/v1/handshake": {"get": _HANDSHAKE},
    "/health": {"get": _health("getRootHealth")},
    "/api/v1/health": {"get": _health("getHealth")},
    "/api/v1/stats": {"get": _STATS},
    "/api/v1/epoch": {"post": _RENEW},
    "/api/v1/openapi.json": {
        "get": _document("getOpenApi", "This document", {"application/json": {"schema": {"type": "object"}}})
    },
    "/api/v1/asyncapi.json": {
        "get": _document(
            "getAsyncApi",
            "The AsyncAPI document of the WebSocket protocol",
            {"application/json": {"schema": {"type": "object"}}},
        )
    },
    "/api/v1/eventstore.js": {"get": _MODULE},
    "/api/v1/docs": {
        "get": _document("getDocs", "This document as a page", {"text/html": {"schema": {"type": "string"}}})
    },
}
