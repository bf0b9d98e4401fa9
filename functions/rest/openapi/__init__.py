"""The OpenAPI document (3.1): what every call takes and answers. Schemathesis checks the API against it."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from functions.rest.openapi.answers import RESPONSES
from functions.rest.openapi.head import with_head
from functions.rest.openapi.paths import PATHS
from functions.rest.openapi.security import schemes_of, secured
from functions.rest.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["document", "methods_at", "template_of"]

_ABOUT = """\
The event hub of a workflow engine. Publish CloudEvents 1.0; read them back in order, per stream or all together.

An event is stored once per `source` and `id`, at one `sequence` of its stream, from 1 and without gaps. Publishing is
safe to retry: a duplicate is answered with the place of the first.
"""
_METHODS = ("get", "head", "post", "put", "patch", "delete")


def document(*, server: str, auth: str = "none") -> dict[str, Any]:
    """The whole document.

    Args:
        server: Where the paths begin: the stage, or `/`.
        auth: Who decides on callers (`Settings.auth`).
    """
    # Imported here: only the document needs pydantic, and `methods_at` does not.
    from functions.rest.openapi.schemas import schemas  # noqa: PLC0415 - see above

    return {
        "openapi": "3.1.0",
        "info": {
            "title": "flunq-eventstore",
            "version": VERSION,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server}],
        "tags": [
            {"name": "events", "description": "Publishing and finding events."},
            {"name": "streams", "description": "Ordered logs of events, and their settings."},
            {"name": "subscriptions", "description": "Durable subscriptions: they outlive connections."},
            {"name": "filters", "description": "Filters that have a name; subscriptions and reads may name them."},
            {"name": "schemas", "description": "Schemas of the data of event types, which the hub may enforce."},
            {"name": "connections", "description": "Clients that are connected over WebSocket."},
            {"name": "dead letters", "description": "What durable subscriptions could not handle, stream by stream."},
            {"name": "about", "description": "The hub about itself."},
        ],
        "paths": with_head(secured(PATHS, auth)),
        "components": {
            "schemas": schemas(),
            "responses": RESPONSES,
            "securitySchemes": schemes_of(auth),
        },
    }


def methods_at(path: str) -> Sequence[str]:
    """The methods that a path takes; none, if there is no such path."""
    return next((methods for pattern, _, methods in _patterns() if pattern.fullmatch(path)), ())


def template_of(path: str) -> str:
    """Return the path of the document that a path fits, such as `/api/v1/streams/{stream}`; empty if there is none."""
    return next((template for pattern, template, _ in _patterns() if pattern.fullmatch(path)), "")


@cache
def _patterns() -> Sequence[tuple[re.Pattern[str], str, Sequence[str]]]:
    return [
        (
            re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)) + "/*"),
            path,
            [name.upper() for name in _METHODS if name in item],
        )
        for path, item in with_head(PATHS).items()
    ]
