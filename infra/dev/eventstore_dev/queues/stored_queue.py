"""A queue as moto reads and sets it: its messages, times, and the queue of its dead letters.

moto's own queue has its messages in a list, keeps times as fractions of seconds, and looks for dead-letter queues among
all queues of the process.

Rules: SQS API Reference, "GetQueueAttributes" and "SetQueueAttributes".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moto.sqs.exceptions import SQSException
from moto.sqs.models import Message, Queue

from eventstore_dev.aws_names import ACCOUNT, REGION
from eventstore_dev.queues.refusals import invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["StoredQueue"]


class StoredQueue(Queue):
    """A queue of one stack; moto's own methods may read it from other threads.

    Args:
        name: Its name.
        others: The queues of the same stack, by name; the mapping may change meanwhile.
        attributes: Those that CreateQueue takes.
    """

    delay_seconds: int
    maximum_message_size: int
    message_retention_period: int
    receive_message_wait_time_seconds: int
    visibility_timeout: int
    content_based_deduplication: bool
    deduplication_scope: str

    def __init__(self, name: str, *, others: Mapping[str, StoredQueue], **attributes: str) -> None:
        self._others = others
        super().__init__(name, region=REGION, account_id=ACCOUNT, **attributes)

    @property
    def _messages(self) -> list[Message]:
        # What moto reads. A list of its own, since it may be reading from another thread.
        return list(self._held.values())

    @_messages.setter
    def _messages(self, _: list[Message]) -> None:
        # moto sets it as it makes the queue.
        self._held: dict[str, Message] = {}

    @property
    def created_timestamp(self) -> int:
        """When it was made, in whole seconds since 1970, as GetQueueAttributes has it; moto keeps fractions."""
        return self._created

    @created_timestamp.setter
    def created_timestamp(self, seconds: float) -> None:
        self._created = int(seconds)

    @property
    def last_modified_timestamp(self) -> int:
        """When an attribute was set last, in the same way."""
        return self._last_modified

    @last_modified_timestamp.setter
    def last_modified_timestamp(self, seconds: float) -> None:
        self._last_modified = int(seconds)

    def is_created(self) -> bool:
        """Always (moto asks)."""
        return True

    def _setup_dlq(self, policy: str | dict[str, Any]) -> None:
        # moto would look among all queues of the process.
        if not policy:
            self.redrive_policy = self.dead_letter_queue = None
            return
        try:
            members = json.loads(policy) if isinstance(policy, str) else policy
            arn, most = members["deadLetterTargetArn"], int(members["maxReceiveCount"])
        except (KeyError, TypeError, ValueError) as error:
            raise self._no_policy(policy, "It must have deadLetterTargetArn and maxReceiveCount.") from error
        target = next((other for other in self._others.values() if other.queue_arn == arn), None)
        if target is None or target.fifo_queue != self.name.endswith(".fifo"):
            raise self._no_policy(policy, "Dead letter target does not exist, or is of another kind.")
        self.redrive_policy = {"deadLetterTargetArn": arn, "maxReceiveCount": most}
        self.dead_letter_queue = target

    def _no_policy(self, policy: object, why: str) -> SQSException:
        return SQSException("InvalidParameterValue", invalid("RedrivePolicy", policy, why).message)
