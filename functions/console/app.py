"""The console function: serves the page and its files, to anyone. It reaches neither the store nor any queue."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from functions.console.pages import Settings, respond

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["handler"]


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes it
    """Handle a request of API Gateway."""
    return respond(event, Settings(os.environ.get("AUTH") or "none", os.environ.get("WEBSOCKET_URL", "")))
