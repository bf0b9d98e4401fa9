"""The push function: calls the targets of rules. It is stateless and uses neither the store nor subscriptions."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING, Any

from eventstore.adapters.aws import calls, environment, sqs_dispatch_queue, sqs_pushes
from eventstore.errors import QueueUnavailable
from eventstore.live import push
from eventstore.live.push import NoTime
from functions.hub import hub

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from eventstore.frames.pushes import PushResult

__all__ = ["handler"]

_LOGGER = logging.getLogger(__name__)

_RESERVE = 15_000
"""Milliseconds for two calls of SQS, each tried twice: the report of what came of a push, and what is left of it.

If SQS needs longer, the function may end without a report. Then the push is made again."""

PRELOADED = (calls, environment, push, sqs_dispatch_queue, sqs_pushes)
"""Modules that the first push uses: imported at init, when Lambda provides more CPU than to a request."""


def handler(event: Mapping[str, Any], context: LambdaContext) -> Mapping[str, Any]:
    """Make the pushes of a batch, each group in order.

    Returns:
        The records to redeliver: those that failed, and all later ones of their groups (Lambda Developer Guide,
        "Handling errors for an SQS event source in Lambda").
    """
    until = hub().clock.now() + context.get_remaining_time_in_millis() - _RESERVE
    stopped: set[str] = set()
    failures = []
    for record in event["Records"]:
        group = record["attributes"]["MessageGroupId"]
        if group in stopped or not _is_made(group, record["body"], until):
            stopped.add(group)
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def _is_made(group: str, body: str, until: int) -> bool:
    try:
        result = hub().pusher.push(body, until=until)
    except (NoTime, QueueUnavailable) as error:
        _LOGGER.error("push of %s is retried: %s", group, error)  # noqa: TRY400 - the message says it all
    except Exception as error:  # noqa: BLE001 - a push that cannot be made must not end those of other groups
        # Without the error's own words, which may repeat an event.
        where = "".join(traceback.format_tb(error.__traceback__))
        _LOGGER.error("push of %s is retried: %s\n%s", group, type(error).__name__, where)  # noqa: TRY400 - as said
    else:
        _log(result)
        return True
    return False


def _log(result: PushResult) -> None:
    """Log that events failed. Why stands in the status of the rule; a target's own words may repeat an event."""
    if not result.failed:
        return
    about = result.subscription, result.partition, len(result.failed)
    if result.unavailable:
        _LOGGER.warning("rule %s, partition %d: %d streams wait, for the target is unavailable", *about)
    else:
        _LOGGER.info("rule %s, partition %d: %d streams failed", *about)
