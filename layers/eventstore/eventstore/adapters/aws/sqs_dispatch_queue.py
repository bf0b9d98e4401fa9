"""Requests for turns as messages of an SQS FIFO queue."""

from __future__ import annotations

import json
from math import ceil
from typing import TYPE_CHECKING

from eventstore.adapters.aws.sqs_queue import BATCH_MESSAGES, Message, SqsQueue
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
        self._queue = SqsQueue(sqs, queue_url, name="the dispatch queue")
        self._alarms = SqsQueue(sqs, alarms_url, name="the queue of delayed requests")
        self._new_id = new_id

    def request_turn_later(self, partition: int, *, seconds: float) -> None:
        """See `DispatchQueue.request_turn_later`. A FIFO queue cannot delay single messages: it has its own."""
        self._alarms.call("SendMessage", MessageBody=json.dumps({"alarm": partition}), DelaySeconds=ceil(seconds))

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

    def _send(self, bodies: Sequence[tuple[str, str]]) -> None:
        """Send messages, each as its group and its body."""
        # Equal requests are separate messages, so each has an id of its own.
        messages = [Message(group, body, self._new_id()) for group, body in bodies]
        for start in range(0, len(messages), BATCH_MESSAGES):
            refused = self._queue.send(dict(enumerate(messages[start : start + BATCH_MESSAGES])))
            if refused:
                raise QueueUnavailable(
                    f"the dispatch queue refused {len(refused)} messages: {next(iter(refused.values()))}"
                )


def _gone_group(connection: ConnectionId) -> str:
    return f"gone-{shard_of(connection, _GONE_GROUPS)}"
