"""The dispatch function: gives partitions their turns, as their bells ring."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from eventstore.adapters.aws import clients, sqs
from eventstore.adapters.redis import durables, log, registry, turns
from eventstore.errors import TurnLost
from eventstore.groups import Member
from eventstore.live import dispatch
from functions.hub import hub
from functions.queues import in_order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext

__all__ = ["handler"]

_LOGGER = logging.getLogger(__name__)

_RESERVE = 2500
"""Milliseconds that the last turn may take."""

PRELOADED = (clients, dispatch, durables, log, registry, sqs, turns)
"""What the first batch needs: Lambda gives a function's start more processor than its requests."""


def handler(event: Mapping[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Serve the partitions that a batch of bells names, each once, and none at the cost of the others' time."""
    end = hub().clock.now() + context.get_remaining_time_in_millis() - _RESERVE
    waiting = len({record["body"] for record in event["Records"]})
    served: set[int] = set()

    def handle(body: str) -> None:
        message = json.loads(body)
        if "gone" in message:
            hub().members.disconnect(message["gone"])
        elif "ended" in message:
            hub().deletion_notices.send(Member(message["ended"], message["id"]), message["subscription"])
        elif "alarm" in message:
            # Rung for, not served: bells of one partition are handled one at a time, and alarms are not.
            _ring(message["alarm"])
        elif message["partition"] not in served:
            now = hub().clock.now()
            _serve(message["partition"], now + (end - now) // (waiting - len(served)))
            served.add(message["partition"])

    return in_order(event, context, handle)


def _serve(partition: int, until: int) -> None:
    try:
        more = hub().dispatcher.serve(partition, until=until)
    except TurnLost as error:
        # Whoever has taken over does the rest.
        _LOGGER.info("%s: %s", error.code, error.detail)
        return
    if more:
        _ring(partition)


def _ring(partition: int) -> None:
    bells = hub().bells
    if bells is not None:
        bells.ring([partition])
