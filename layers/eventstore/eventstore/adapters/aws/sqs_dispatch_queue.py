"""Requests for turns as messages of an SQS FIFO queue."""

from __future__ import annotations

import json
from math import ceil
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from eventstore.adapters.aws.sqs_messages import BATCH_MESSAGES, entry_of
from eventstore.errors import QueueUnavailable
from eventstore.frames.frame import escape_for_sqs, shard_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from eventstore.adapters.aws.json_calls import JsonCalls
    from eventstore.frames.pushes import PushResult
    from eventstore.groups import Member
    from eventstore.streams import DurableName
    from eventstore.subscriptions import Connection, ConnectionId

__all__ = ["SqsDispatchQueue"]

_GONE_GROUPS = 16


class SqsDispatchQueue:
    """See `ports.DispatchQueue`. A partition is one message group, which SQS gives to one consumer at a time.

    Args:
        sqs: Calls SQS.
        queue_url: The FIFO queue of requests for turns.
        new_id: Draws a deduplication id.
        alarms_url: The standard queue of delayed requests.
    """

    def __init__(self, sqs: JsonCalls, queue_url: str, *, new_id: Callable[[], str], alarms_url: str = "") -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._new_id = new_id
        self._alarms_url = alarms_url

    def request_turn_later(self, partition: int, *, seconds: float) -> None:
        """See `DispatchQueue.request_turn_later`. A FIFO queue cannot delay single messages: it has its own."""
        try:
            self._sqs.call(
                "SendMessage",
                QueueUrl=self._alarms_url,
                MessageBody=json.dumps({"alarm": partition}),
                DelaySeconds=ceil(seconds),
            )
        except (BotoCoreError, ClientError) as error:
            raise QueueUnavailable(f"the queue of delayed requests does not answer: {error}") from error

    def request_turns(self, partitions: Iterable[int]) -> None:
        """See `DispatchQueue.request_turns`."""
        messages = [(f"p{partition}", json.dumps({"partition": partition})) for partition in partitions]
        self._send(messages)

    def connection_closed(self, connection: ConnectionId) -> None:
        """See `DispatchQueue.connection_closed`."""
        self._send([(_gone_group(connection), json.dumps({"gone": connection}))])

    def pushed(self, result: PushResult) -> None:
        """See `DispatchQueue.pushed`."""
        body = {"partition": result.partition, "pushed": escape_for_sqs(result.encoded())}
        self._send([(f"p{result.partition}", json.dumps(body))])

    def close_connection(self, connection: Connection) -> None:
        """See `DispatchQueue.close_connection`."""
        # An older version of dispatch handles it as `connection_closed`, and passes over the other members.
        body = {"gone": connection.id, "close": connection.protocol, "opened": connection.opened}
        self._send([(_gone_group(connection.id), json.dumps(body))])

    def subscription_deleted(self, name: DurableName, members: Iterable[Member]) -> None:
        """See `DispatchQueue.subscription_deleted`."""
        bodies = [(m.connection, {"ended": m.connection, "id": m.id, "subscription": name}) for m in members]
        self._send([(_gone_group(connection), json.dumps(body)) for connection, body in bodies])

    def _send(self, messages: Sequence[tuple[str, str]]) -> None:
        try:
            if len(messages) == 1:
                [(group, body)] = messages
                self._sqs.call(
                    "SendMessage",
                    QueueUrl=self._queue_url,
                    MessageBody=body,
                    MessageGroupId=group,
                    MessageDeduplicationId=self._new_id(),
                )
                return
            for start in range(0, len(messages), BATCH_MESSAGES):
                entries = [
                    entry_of(str(number), group, body, self._new_id())
                    for number, (group, body) in enumerate(messages[start : start + BATCH_MESSAGES])
                ]
                answer = self._sqs.call("SendMessageBatch", QueueUrl=self._queue_url, Entries=entries)
                if answer.get("Failed"):
                    raise QueueUnavailable(
                        f"the dispatch queue refused {len(answer['Failed'])} messages: {answer['Failed'][0]}"
                    )
        except (BotoCoreError, ClientError) as error:
            raise QueueUnavailable(f"the dispatch queue does not answer: {error}") from error


def _gone_group(connection: ConnectionId) -> str:
    return f"gone-{shard_of(connection, _GONE_GROUPS)}"
