"""The service `OperationsService`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore_proto.flunq.eventstore.v1 import operations_service_pb2 as messages
from eventstore_server.grpc.bodies import message_like
from eventstore_server.grpc.durables import figures_of
from functions.rest.stats_answer import stats_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore_server.grpc.call import Call

__all__ = ["OperationsService"]

_OWN = ("id", "members", "open_circuits")


class OperationsService:
    """Reports how the hub stands."""

    async def get_stats(self, request: messages.GetStatsRequest, call: Call) -> messages.GetStatsResponse:
        """Return counts of the store, in total and per partition, and the figures of durable subscriptions."""
        del request
        return await call.run(lambda access: _stats_message(stats_of(call.hub, access=access)))


def _stats_message(stats: Mapping[str, Any]) -> messages.GetStatsResponse:
    answer = dict(stats)
    subscriptions = [_subscription(summary) for summary in answer.pop("subscriptions")]
    return message_like(messages.GetStatsResponse(subscriptions=subscriptions), answer)


def _subscription(summary: Mapping[str, Any]) -> messages.SubscriptionStats:
    own = {name: summary[name] for name in _OWN if name in summary}
    return message_like(messages.SubscriptionStats(figures=figures_of(summary)), own)
