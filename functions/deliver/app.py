"""The deliver function: posts frames to clients. It holds no state, and knows neither store nor subscriptions."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from eventstore.adapters.aws import apigateway, clients, sqs
from eventstore.live import deliver
from functions.hub import hub

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext

__all__ = ["handler"]

_LOGGER = logging.getLogger(__name__)

_RESERVE = clients.POST_MILLISECONDS + 500
"""Milliseconds that a post may take which is begun at the last moment, and the answer."""

PRELOADED = (apigateway, clients, deliver, sqs)
"""What the first batch needs: Lambda gives a function's start more processor than its requests."""


def handler(event: Mapping[str, Any], context: LambdaContext) -> Mapping[str, Any]:
    """Deliver a batch, in the order of its groups; answers which records are to come again.

    Rules: Lambda Developer Guide, "Handling errors for an SQS event source in Lambda": of a FIFO queue, all later
    records of the group of one that failed are to be named too.
    """
    records = event["Records"]
    until = hub().clock.now() + context.get_remaining_time_in_millis() - _RESERVE
    deliveries = [(record["attributes"]["MessageGroupId"], record["body"]) for record in records]
    failed = hub().deliverer.deliver(deliveries, until=until)
    for group, error in {deliveries[number][0]: error for number, error in failed.items()}.items():
        _LOGGER.error("deliveries of %s come again: %s", group, error, exc_info=error)
    return {"batchItemFailures": [{"itemIdentifier": records[number]["messageId"]} for number in failed]}
