"""The deliver function: posts frames to clients. It is stateless and uses neither the store nor subscriptions."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from eventstore.adapters.aws import apigateway, calls, environment, sqs_dispatch_queue
from eventstore.live import deliver
from functions.hub import hub

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext

__all__ = ["handler"]

_LOGGER = logging.getLogger(__name__)

_RESERVE = calls.POST_MILLISECONDS + 500
"""Milliseconds reserved for a post that begins at the last moment, and for the response."""

PRELOADED = (apigateway, calls, deliver, environment, sqs_dispatch_queue)
"""Modules that the first batch uses: imported at init, when Lambda provides more CPU than to a request."""


def handler(event: Mapping[str, Any], context: LambdaContext) -> Mapping[str, Any]:
    """Deliver a batch, each group in order.

    Returns:
        The records to redeliver: those that failed, and all later ones of their groups (Lambda Developer Guide,
        "Handling errors for an SQS event source in Lambda").
    """
    records = event["Records"]
    until = hub().clock.now() + context.get_remaining_time_in_millis() - _RESERVE
    deliveries = [(record["attributes"]["MessageGroupId"], record["body"]) for record in records]
    failed = hub().deliverer.deliver(deliveries, until=until)
    for group, error in {deliveries[number][0]: error for number, error in failed.items()}.items():
        _LOGGER.error("deliveries of %s are retried: %s", group, error, exc_info=error)
    return {"batchItemFailures": [{"itemIdentifier": records[number]["messageId"]} for number in failed]}
