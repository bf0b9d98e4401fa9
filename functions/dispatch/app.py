"""The dispatch function: gives partitions their turns, as their bells ring."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from eventstore.errors import TurnLost
from eventstore.groups import Member
from eventstore.hub import bootstrap
from functions.queues import in_order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext

__all__ = ["handler"]

_LOGGER = logging.getLogger(__name__)

_RESERVE = 2500
"""Milliseconds that the last turn may take."""

bootstrap.preload(*bootstrap.DISPATCHER, *bootstrap.QUEUES)


def handler(event: Mapping[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Serve the partitions that a batch of bells names, each once, and none at the cost of the others' time."""
    end = bootstrap.clock().now() + context.get_remaining_time_in_millis() - _RESERVE
    waiting = len({record["body"] for record in event["Records"]})
    served: set[int] = set()

    def handle(body: str) -> None:
        told = json.loads(body)
        if "gone" in told:
            bootstrap.members().disconnect(told["gone"])
        elif "ended" in told:
            bootstrap.endings().tell(Member(told["ended"], told["id"]), told["subscription"])
        elif "alarm" in told:
            # Rung for, not served: bells of one partition are handled one at a time, and alarms are not.
            _ring(told["alarm"])
        elif told["partition"] not in served:
            now = bootstrap.clock().now()
            _serve(told["partition"], now + (end - now) // (waiting - len(served)))
            served.add(told["partition"])

    return in_order(event, context, handle)


def _serve(partition: int, until: int) -> None:
    try:
        more = bootstrap.dispatcher().serve(partition, until=until)
    except TurnLost as error:
        # Whoever has taken over does the rest.
        _LOGGER.info("%s: %s", error.code, error.detail)
        return
    if more:
        _ring(partition)


def _ring(partition: int) -> None:
    bells = bootstrap.bells()
    if bells is not None:
        bells.ring([partition])
