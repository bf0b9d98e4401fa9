"""The dispatch function: runs the turns of partitions that have been notified."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from eventstore.adapters.aws import calls, environment, sqs_deliveries, sqs_dispatch_queue
from eventstore.adapters.redis import durables, instances, log, registry, turns
from eventstore.errors import PartitionLeased, TurnLost
from eventstore.frames.pushes import PushResult
from eventstore.groups import Member
from eventstore.live import dispatch, instance_inboxes, routed_deliveries
from eventstore.ports import InstanceId
from eventstore.streams import DurableName
from eventstore.subscriptions import Connection, ConnectionId, SubscriptionId
from functions.hub import hub
from functions.queues import in_order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext

__all__ = ["handler"]

_LOGGER = logging.getLogger(__name__)

_RESERVE = 2500
"""Milliseconds reserved for the last turn."""

PRELOADED = (
    *(calls, dispatch, durables, environment, instance_inboxes, instances, log, registry, routed_deliveries),
    *(sqs_deliveries, sqs_dispatch_queue, turns),
)
"""Modules that the first batch uses: imported at init, when Lambda provides more CPU than to a request."""


def handler(event: Mapping[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Serve each notified partition once per batch, and share the remaining time equally among them."""
    end = hub().clock.now() + context.get_remaining_time_in_millis() - _RESERVE
    waiting = len({record["body"] for record in event["Records"]})
    served: set[int] = set()

    def serve(partition: int) -> None:
        now = hub().clock.now()
        _serve(partition, now + (end - now) // max(waiting - len(served), 1))
        served.add(partition)

    def handle(body: str) -> None:
        message = json.loads(body)
        if "close" in message:
            connection = Connection(ConnectionId(message["gone"]), message["close"], message["opened"])
            hub().closing_connections.close(connection)
        elif "gone" in message:
            hub().members.disconnect(ConnectionId(message["gone"]))
        elif "ended" in message:
            member = Member(ConnectionId(message["ended"]), SubscriptionId(message["id"]))
            hub().deletion_notices.send(member, DurableName(message["subscription"]))
        elif "pushed" in message:
            hub().push_results.enqueue(PushResult.decoded(message["pushed"]))
            serve(message["partition"])
        elif "alarm" in message:
            # An alarm only requests a turn: alarms of one partition may be handled in parallel, its turns may not.
            _notify(message["alarm"])
        elif message["partition"] not in served:
            serve(message["partition"])

    return in_order(event, context, handle)


def _serve(partition: int, until: int) -> None:
    try:
        more = hub().dispatcher.serve(partition, until=until)
    except PartitionLeased as error:
        # An instance of the server takes the turns, and learns that one was requested.
        _LOGGER.info("%s: %s", error.code, error.detail)
        hub().instance_inboxes.request_turn(InstanceId(error.holder), partition)
        return
    except TurnLost as error:
        # The newer turn continues the work.
        _LOGGER.info("%s: %s", error.code, error.detail)
        return
    if more:
        _notify(partition)


def _notify(partition: int) -> None:
    queue = hub().dispatch_queue
    if queue is not None:
        queue.request_turns([partition])
