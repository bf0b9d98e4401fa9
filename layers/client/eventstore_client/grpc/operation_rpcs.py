"""Statistics and health: calls of REST as calls of gRPC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore_client.errors import Unavailable
from eventstore_client.grpc.messages import health as health_messages
from eventstore_client.grpc.messages import operations
from eventstore_client.grpc.rpcs import json_reply, unary
from eventstore_client.grpc.subscription_rpcs import figures
from eventstore_client.grpc.values import members_of

if TYPE_CHECKING:
    from eventstore_client.calls import Call, Reply
    from eventstore_client.grpc.rpcs import Rpc

__all__ = ["health", "stats"]

_WITHOUT_COUNTS = ("newest", "by_partition")

_SERVING = 1
"""grpc/health/v1/health.proto."""


def health(call: Call[Any]) -> Rpc[Any]:
    """Return whether the server serves. It does not say more over gRPC."""
    del call

    def reply(response: Any) -> Reply:  # noqa: ANN401 - a message without a module
        if response.status != _SERVING:
            problem = {"code": "going-away", "detail": "the hub does not serve for now"}
            raise Unavailable(status=None, **problem, problem=problem)
        return json_reply({"status": "ok"})

    request = health_messages.HealthCheckRequest()
    return unary("grpc.health.v1.Health/Check", request, health_messages.HealthCheckResponse, reply)


def stats(call: Call[Any]) -> Rpc[operations.GetStatsResponse]:
    """Return what the store holds, and how far durable subscriptions are."""
    del call
    return unary(
        "flunq.eventstore.v1.OperationsService/GetStats",
        operations.GetStatsRequest(),
        operations.GetStatsResponse,
        lambda response: json_reply(_stats(response)),
    )


def _stats(message: operations.GetStatsResponse) -> dict[str, Any]:
    members = members_of(message)
    members["by_partition"] = [{"newest": None, **part} for part in members["by_partition"]]
    members["subscriptions"] = [_summary(item) for item in message.subscriptions]
    if message.HasField("streams"):
        return {"newest": None, **members}
    # A credential that is limited to some streams gets no counts.
    return {name: value for name, value in members.items() if name not in _WITHOUT_COUNTS}


def _summary(message: operations.SubscriptionStats) -> dict[str, Any]:
    circuits = {"open_circuits": message.open_circuits} if message.HasField("open_circuits") else {}
    return {"id": message.id, "members": message.members, **circuits, **figures(message.figures)}
