"""Records of SQS FIFO queues, handled in order: after a failure, the rest of its group waits (partial batch responses).

Rules: Lambda Developer Guide, "Handling errors for an SQS event source in Lambda".
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

__all__ = ["in_order"]

_LOGGER = logging.getLogger(__name__)


def in_order(
    event: Mapping[str, Any], context: LambdaContext, handle: Callable[[str], None]
) -> PartialItemFailureResponse:
    """Call `handle` with the body of each record in order, and skip the rest of a group after a failure.

    Args:
        event: The event of the SQS event source mapping.
        context: Lambda's context object.
        handle: Raises if the record must be redelivered.

    Returns:
        The records to redeliver.
    """
    processor = SqsFifoPartialProcessor(skip_group_on_error=True, logger=_LOGGER)
    # A batch of failures only is redelivered too; it must not count as an error of the function.
    processor.raise_on_entire_batch_failure = False

    def handle_record(record: SQSRecord) -> None:
        handle(record.body)

    return process_partial_response(dict(event), handle_record, processor, context)
