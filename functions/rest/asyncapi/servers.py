"""Where the WebSocket API is, and what it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["servers_of"]

_DEPLOYED: dict[str, Any] = {
    "host": "{api}.execute-api.{region}.amazonaws.com",
    "protocol": "wss",
    "description": "On AWS: the stack's output WebSocketUrl.",
    "variables": {
        "api": {"description": "The id of the WebSocket API."},
        "region": {"description": "The region of the stack.", "examples": ["eu-west-1"]},
    },
}
_LOCAL: dict[str, Any] = {
    "host": "127.0.0.1:{port}",
    "protocol": "ws",
    "description": "The local stack, by `make dev`.",
    "variables": {"port": {"default": "8081"}},
}


def servers_of(schemes: Mapping[str, Any]) -> dict[str, Any]:
    """The servers, each with any one of the security schemes.

    Args:
        schemes: Those of the deployment, by their names in the components.
    """
    security = [{"$ref": f"#/components/securitySchemes/{name}"} for name in schemes]
    return {
        name: server | ({"security": security} if security else {})
        for name, server in (("aws", _DEPLOYED), ("local", _LOCAL))
    }
