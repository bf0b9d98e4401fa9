"""Pushes as messages of an SQS FIFO queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from eventstore.errors import QueueUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.aws.json_calls import JsonCalls
    from eventstore.frames.pushes import Push

__all__ = ["SqsPushes"]


class SqsPushes:
    """See `ports.Pushes`. The pushes of a subscription in a partition are one message group.

    Args:
        sqs: Calls SQS.
        queue_url: The FIFO queue of pushes.
    """

    def __init__(self, sqs: JsonCalls, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def send(self, pushes: Sequence[Push]) -> None:
        """See `Pushes.send`."""
        for push in pushes:
            try:
                # One by one: a group has few, and SQS may accept a part of a batch.
                self._sqs.call(
                    "SendMessage",
                    QueueUrl=self._queue_url,
                    MessageBody=push.encoded(),
                    MessageGroupId=push.group,
                    MessageDeduplicationId=push.identity,
                )
            except (BotoCoreError, ClientError) as error:
                raise QueueUnavailable(f"the queue of pushes does not answer: {error}") from error
