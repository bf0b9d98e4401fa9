"""Which call of gRPC stands for a call of REST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from google.protobuf.json_format import ParseError

from eventstore_client.grpc import dead_letter_rpcs, event_rpcs, operation_rpcs, stream_rpcs, subscription_rpcs
from eventstore_client.grpc.rpcs import refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eventstore_client.calls import Call
    from eventstore_client.grpc.rpcs import Rpc

__all__ = ["rpc_of"]

_ROOT = "/api/v1/"
_ROUTES: Mapping[tuple[str, str], Callable[..., Rpc[Any]]] = {
    ("POST", "events"): event_rpcs.publish,
    ("GET", "events"): event_rpcs.search,
    ("GET", "events/*"): event_rpcs.get,
    ("GET", "streams/*/events"): event_rpcs.read,
    ("GET", "streams"): stream_rpcs.list_streams,
    ("POST", "streams"): stream_rpcs.create,
    ("GET", "streams/*"): stream_rpcs.describe,
    ("PATCH", "streams/*"): stream_rpcs.change,
    ("DELETE", "streams/*"): stream_rpcs.delete,
    ("POST", "streams/*/fork"): stream_rpcs.fork,
    ("GET", "subscriptions"): subscription_rpcs.list_subscriptions,
    ("POST", "subscriptions"): subscription_rpcs.create,
    ("GET", "subscriptions/*"): subscription_rpcs.describe,
    ("PATCH", "subscriptions/*"): subscription_rpcs.change,
    ("DELETE", "subscriptions/*"): subscription_rpcs.delete,
    ("POST", "subscriptions/*/replay"): subscription_rpcs.replay,
    ("GET", "dead-letters"): dead_letter_rpcs.list_dead_letters,
    ("POST", "dead-letters/redrive"): dead_letter_rpcs.redrive,
    ("DELETE", "dead-letters"): dead_letter_rpcs.purge,
    ("GET", "stats"): operation_rpcs.stats,
    ("GET", "/health"): operation_rpcs.health,
}
"""By method and path. A star stands for a name, which the function receives after the call."""

_LACKING = {"connections": "list of connections", "filters": "named filters", "schemas": "schemas of event types"}
"""What is managed over HTTP only, by the first segment of its paths."""


def rpc_of(call: Call[Any], url: str) -> Rpc[Any]:
    """Return the call of gRPC for a call of REST.

    Args:
        call: The call of REST.
        url: The hub's address, for the error.

    Raises:
        Invalid: gRPC has no such call, or it cannot carry a value of this one.
        TypeError, ValueError: The body contains a value that JSON cannot represent.
    """
    route, names = _route_of(call)
    if route is None:
        parsed = urlsplit(url)
        address = f"{'https' if parsed.scheme == 'grpcs' else 'http'}://{parsed.hostname}:8081"
        refuse(
            f"gRPC has no {_lacking(call)}: use the hub's HTTP address, such as {address}, instead of {url}",
            code="not-supported",
        )
    if call.body is not None:
        # As over HTTP, what JSON cannot represent is a mistake of the program.
        _ = call.content
    try:
        return route(call, *names)
    except (TypeError, ValueError, ParseError) as error:
        refuse(f"invalid request: {' '.join(str(error).split())}", code="invalid-body")


def _lacking(call: Call[Any]) -> str:
    """Return the name of what gRPC does not have."""
    kind = call.path.removeprefix(_ROOT).partition("/")[0]
    return _LACKING.get(kind, f"{call.method} {call.path}")


def _route_of(call: Call[Any]) -> tuple[Callable[..., Rpc[Any]] | None, list[str]]:
    segments = call.path.removeprefix(_ROOT).split("/") if call.path.startswith(_ROOT) else [call.path]
    for (method, pattern), route in _ROUTES.items():
        parts = [pattern] if pattern.startswith("/") else pattern.split("/")
        if method != call.method or len(parts) != len(segments):
            continue
        if all(part in {"*", segment} for part, segment in zip(parts, segments, strict=True)):
            return route, [unquote(segment) for part, segment in zip(parts, segments, strict=True) if part == "*"]
    return None, []
