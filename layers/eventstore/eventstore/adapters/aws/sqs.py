"""Requests for turns, deliveries and dead letters as messages of SQS FIFO queues.

Every request and delivery has a deduplication id of its own, because equal messages are separate requests.
"""

from __future__ import annotations

import json
from collections import deque
from hashlib import blake2b
from math import ceil
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from eventstore.errors import QueueUnavailable
from eventstore.frames.frame import escape_for_sqs, shard_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from eventstore.adapters.aws.json_calls import JsonCalls
    from eventstore.frames.frame import Delivery
    from eventstore.frames.pushes import Push, PushResult
    from eventstore.groups import Member
    from eventstore.ports import DeadLetter
    from eventstore.streams import DurableName, StreamName
    from eventstore.subscriptions import Connection, ConnectionId, SubscriptionKey

__all__ = ["SqsDeliveries", "SqsDispatchQueue", "SqsLetters", "SqsPushes"]

_BATCH_MESSAGES = 10
_BATCH_BYTES = 250 * 1024
"""SQS accepts ten messages per call, and 256 KiB in all unless the quota was raised (SQS quotas)."""

_MAX_REFUSALS = 3
_GONE_GROUPS = 16

_LETTER_BYTES = 240 * 1024
"""A letter that would be larger leaves out the event; its stream and sequence name it."""


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
            raise QueueUnavailable(f"the queue of delayed requests does not respond: {error}") from error

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
            for start in range(0, len(messages), _BATCH_MESSAGES):
                entries = [
                    _entry(str(number), group, body, self._new_id())
                    for number, (group, body) in enumerate(messages[start : start + _BATCH_MESSAGES])
                ]
                answer = self._sqs.call("SendMessageBatch", QueueUrl=self._queue_url, Entries=entries)
                if answer.get("Failed"):
                    raise QueueUnavailable(
                        f"the dispatch queue rejected {len(answer['Failed'])} messages: {answer['Failed'][0]}"
                    )
        except (BotoCoreError, ClientError) as error:
            raise QueueUnavailable(f"the dispatch queue does not respond: {error}") from error


class SqsDeliveries:
    """See `ports.Deliveries`. A shard is one message group.

    Args:
        sqs: Calls SQS.
        queue_url: The FIFO queue of deliveries.
        new_id: Draws a deduplication id.
    """

    def __init__(self, sqs: JsonCalls, queue_url: str, *, new_id: Callable[[], str]) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._new_id = new_id

    def send(self, deliveries: Sequence[Delivery]) -> None:
        """See `Deliveries.send`."""
        waiting: dict[int, deque[str]] = {}
        for delivery in deliveries:
            waiting.setdefault(delivery.shard, deque()).append(delivery.encoded())
        refusals = 0
        while waiting:
            for shards in list(_batches(waiting)):
                refusals += self._send_first(waiting, shards)
                if refusals > _MAX_REFUSALS:
                    raise QueueUnavailable(
                        f"the delivery queue rejected more than {_MAX_REFUSALS} messages; the turn will be retried"
                    )

    def _send_first(self, waiting: dict[int, deque[str]], shards: Sequence[int]) -> int:
        """Send the first delivery of each shard, and return the number of those that SQS refused.

        A batch has one delivery per shard: SQS may accept a part of it, and later deliveries must not overtake.
        """
        entries = [_entry(str(shard), f"s{shard}", waiting[shard][0], self._new_id()) for shard in shards]
        try:
            if len(entries) == 1:
                entry = entries[0]
                self._sqs.call(
                    "SendMessage",
                    QueueUrl=self._queue_url,
                    MessageBody=entry["MessageBody"],
                    MessageGroupId=entry["MessageGroupId"],
                    MessageDeduplicationId=entry["MessageDeduplicationId"],
                )
                refused = set()
            else:
                answer = self._sqs.call("SendMessageBatch", QueueUrl=self._queue_url, Entries=entries)
                refused = {int(failed["Id"]) for failed in answer.get("Failed", ())}
        except (BotoCoreError, ClientError) as error:
            raise QueueUnavailable(f"the queue of deliveries does not answer: {error}") from error
        for shard in shards:
            if shard not in refused:
                waiting[shard].popleft()
                if not waiting[shard]:
                    del waiting[shard]
        return len(refused)


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


class SqsLetters:
    """See `ports.DeadLetters`. The letters of a subscription and stream are one message group.

    Args:
        sqs: Calls SQS.
        queue_url: The FIFO queue of dead letters.
    """

    def __init__(self, sqs: JsonCalls, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def send(self, letters: Sequence[DeadLetter]) -> None:
        """See `DeadLetters.send`."""
        for letter in letters:
            try:
                # One by one: letters are few, and SQS may accept a part of a batch.
                self._sqs.call(
                    "SendMessage",
                    QueueUrl=self._queue_url,
                    MessageBody=_letter_body(letter),
                    MessageGroupId=_letter_group(letter.key, letter.stream),
                    MessageDeduplicationId=_digest(f"{letter.key}\0{letter.stream}\0{letter.sequence}\0{letter.since}"),
                )
            except (BotoCoreError, ClientError) as error:
                raise QueueUnavailable(f"the dead letter queue does not answer: {error}") from error

    def discard(self, key: SubscriptionKey, *streams: StreamName) -> int:
        """See `DeadLetters.discard`."""
        groups, removed = {_letter_group(key, stream) for stream in streams}, 0
        others: list[str] = []
        try:
            # Received messages are hidden for the visibility timeout, so each one is received once.
            while messages := self._sqs.call(
                "ReceiveMessage",
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=_BATCH_MESSAGES,
                VisibilityTimeout=30,
                MessageSystemAttributeNames=["MessageGroupId"],
            ).get("Messages"):
                matches = [m["ReceiptHandle"] for m in messages if m["Attributes"]["MessageGroupId"] in groups]
                others += [m["ReceiptHandle"] for m in messages if m["Attributes"]["MessageGroupId"] not in groups]
                if matches:
                    entries = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(matches)]
                    answer = self._sqs.call("DeleteMessageBatch", QueueUrl=self._queue_url, Entries=entries)
                    removed += len(answer.get("Successful", []))
            for start in range(0, len(others), _BATCH_MESSAGES):
                self._sqs.call(
                    "ChangeMessageVisibilityBatch",
                    QueueUrl=self._queue_url,
                    Entries=[
                        {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                        for number, handle in enumerate(others[start : start + _BATCH_MESSAGES])
                    ],
                )
        except (BotoCoreError, ClientError) as error:
            raise QueueUnavailable(f"the dead letter queue does not answer: {error}") from error
        return removed


def _gone_group(connection: ConnectionId) -> str:
    return f"gone-{shard_of(connection, _GONE_GROUPS)}"


def _letter_group(key: SubscriptionKey, stream: StreamName) -> str:
    return _digest(f"{key}\0{stream}")


def _letter_body(letter: DeadLetter) -> str:
    head = {
        "subscription": letter.subscription,
        "stream": letter.stream,
        "sequence": letter.sequence,
        "attempts": letter.attempts,
        "errors": letter.errors,
        "since": letter.since,
    }
    # Measured after escaping, which may make errors and events longer.
    body = escape_for_sqs(f'{json.dumps(head)[:-1]},"event":{letter.event}}}')
    return body if len(body.encode()) <= _LETTER_BYTES else f'{json.dumps(head)[:-1]},"event":null}}'


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=20).hexdigest()


def _batches(waiting: dict[int, deque[str]]) -> Iterator[list[int]]:
    """Yield batches of shards whose first deliveries fit into one call."""
    batch: list[int] = []
    size = 0
    for shard, bodies in waiting.items():
        length = len(bodies[0].encode())
        if batch and (len(batch) == _BATCH_MESSAGES or size + length > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(shard)
        size += length
    if batch:
        yield batch


def _entry(name: str, group: str, body: str, identity: str) -> dict[str, str]:
    return {"Id": name, "MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": identity}
