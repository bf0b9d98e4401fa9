"""Records of SQS FIFO queues, handled in order: behind one that fails, its group waits (partial batch responses).

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
    """Hand each record's body over; answers which records are to come again."""
    processor = SqsFifoPartialProcessor(skip_group_on_error=True, logger=_LOGGER)
    # A batch that failed whole comes again as well, and is no fault of the function.
    processor.raise_on_entire_batch_failure = False

    def handle_record(record: SQSRecord) -> None:
        handle(record.body)

    return process_partial_response(dict(event), handle_record, processor, context)
