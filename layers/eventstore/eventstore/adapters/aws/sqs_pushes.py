"""Pushes as messages of an SQS FIFO queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.adapters.aws.sqs_queue import Message, SqsQueue

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
        self._queue = SqsQueue(sqs, queue_url, name="the queue of pushes")

    def send(self, pushes: Sequence[Push]) -> None:
        """See `Pushes.send`."""
        for push in pushes:
            # One by one: a group has few, and SQS may accept a part of a batch.
            self._queue.send_one(Message(push.group, push.encoded(), push.identity))
