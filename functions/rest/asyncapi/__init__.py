"""The AsyncAPI document (3.0): the WebSocket protocol of docs/protocol.md, for programs."""

from __future__ import annotations

from typing import Any

from functions.rest.asyncapi.channels import CHANNELS, OPERATIONS
from functions.rest.asyncapi.messages import MESSAGES
from functions.rest.asyncapi.schemas import SCHEMAS
from functions.rest.asyncapi.servers import servers_of
from functions.rest.openapi.security import schemes_of
from functions.rest.version import VERSION

__all__ = ["document"]

_ABOUT = """\
Subscribe to CloudEvents over WebSocket: live, from the start, or from where an earlier connection ended.

A client names one of two subprotocols: `eventstore.v1`, for programs, or `cloudevents.json`, for browsers. What is
promised, and what a client does with frames, cursors and durable subscriptions, is in docs/protocol.md. `openapi.json`
beside this document describes the REST API.
"""
_HTTP_API_KEY = {"apiKey": "httpApiKey"}


def document(*, auth: str = "none") -> dict[str, Any]:
    """The whole document.

    Args:
        auth: Who decides on callers (`Settings.auth`).
    """
    schemes = schemes_of(auth)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "flunq-eventstore",
            "version": VERSION,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": servers_of(schemes),
        "channels": CHANNELS,
        "operations": OPERATIONS,
        "components": {
            "messages": MESSAGES,
            "schemas": SCHEMAS,
            "securitySchemes": {
                # AsyncAPI has another word for a key in a header of HTTP.
                name: {**scheme, "type": _HTTP_API_KEY.get(scheme["type"], scheme["type"])}
                for name, scheme in schemes.items()
            },
        },
    }
