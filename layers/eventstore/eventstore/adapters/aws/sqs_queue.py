"""A queue of the hub in SQS: its messages, and what its errors mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from eventstore.errors import QueueUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.adapters.aws.json_calls import JsonCalls

__all__ = ["BATCH_BYTES", "BATCH_MESSAGES", "Message", "SqsQueue"]

BATCH_MESSAGES = 10
BATCH_BYTES = 250 * 1024
"""SQS accepts ten messages per call, and 256 KiB in all unless the quota was raised (SQS quotas)."""


class Message(NamedTuple):
    """A message of a FIFO queue.

    Attributes:
        group: Its message group.
        body: Its body.
        identity: Its deduplication id. SQS drops a message that has the same as one of the last five minutes.
    """

    group: str
    body: str
    identity: str

    def members(self) -> dict[str, str]:
        """Return the members by which requests of SQS describe it."""
        return {"MessageBody": self.body, "MessageGroupId": self.group, "MessageDeduplicationId": self.identity}


class SqsQueue:
    """A queue. Threads may share it.

    Args:
        sqs: Calls SQS.
        url: Its URL.
        name: What errors call it.
    """

    def __init__(self, sqs: JsonCalls, url: str, *, name: str) -> None:
        self._sqs = sqs
        self._url = url
        self._name = name

    def call(self, operation: str, **members: Any) -> dict[str, Any]:  # noqa: ANN401 - as of every operation
        """Make a call about the queue, and return the members of its answer.

        Args:
            operation: The name of the operation, as in the Amazon SQS API Reference.
            members: The members of its request, without the URL of the queue.

        Raises:
            QueueUnavailable: SQS does not answer, or refused.
        """
        try:
            return self._sqs.call(operation, QueueUrl=self._url, **members)
        except (BotoCoreError, ClientError) as error:
            raise QueueUnavailable(f"{self._name} does not answer: {error}") from error

    def send_one(self, message: Message) -> None:
        """Send a message.

        Raises:
            QueueUnavailable: SQS does not answer, or refused.
        """
        self.call("SendMessage", **message.members())

    def send(self, messages: Mapping[int, Message]) -> Mapping[int, Mapping[str, Any]]:
        """Send messages by one call, and return those that SQS refused, with its reasons.

        Args:
            messages: Up to `BATCH_MESSAGES` messages of up to `BATCH_BYTES`, by numbers of the caller's choice.

        Raises:
            QueueUnavailable: SQS does not answer, or refused all.
        """
        if len(messages) == 1:
            [message] = messages.values()
            self.send_one(message)
            return {}
        entries = [{"Id": str(number), **message.members()} for number, message in messages.items()]
        answer = self.call("SendMessageBatch", Entries=entries)
        return {int(failed["Id"]): failed for failed in answer.get("Failed", ())}
