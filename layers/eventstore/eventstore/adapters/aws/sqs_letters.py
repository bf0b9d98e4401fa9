"""Dead letters as messages of an SQS FIFO queue."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING

from eventstore.adapters.aws.sqs_queue import BATCH_MESSAGES, Message, SqsQueue
from eventstore.frames.frame import escape_for_sqs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.aws.json_calls import JsonCalls
    from eventstore.ports import DeadLetter
    from eventstore.streams import StreamName
    from eventstore.subscriptions import SubscriptionKey

__all__ = ["SqsLetters"]

_LETTER_BYTES = 240 * 1024
"""A letter that would be larger leaves out the event; its stream and sequence name it."""


class SqsLetters:
    """See `ports.DeadLetters`. The letters of a subscription and stream are one message group.

    Args:
        sqs: Calls SQS.
        queue_url: The FIFO queue of dead letters.
    """

    def __init__(self, sqs: JsonCalls, queue_url: str) -> None:
        self._queue = SqsQueue(sqs, queue_url, name="the dead letter queue")

    def send(self, letters: Sequence[DeadLetter]) -> None:
        """See `DeadLetters.send`."""
        for letter in letters:
            # One by one: letters are few, and SQS may accept a part of a batch.
            identity = _digest(f"{letter.key}\0{letter.stream}\0{letter.sequence}\0{letter.since}")
            self._queue.send_one(Message(_letter_group(letter.key, letter.stream), _letter_body(letter), identity))

    def discard(self, key: SubscriptionKey, *streams: StreamName) -> int:
        """See `DeadLetters.discard`."""
        groups, removed = {_letter_group(key, stream) for stream in streams}, 0
        others: list[str] = []
        # Received messages are hidden for the visibility timeout, so each one is received once.
        while messages := self._queue.call(
            "ReceiveMessage",
            MaxNumberOfMessages=BATCH_MESSAGES,
            VisibilityTimeout=30,
            MessageSystemAttributeNames=["MessageGroupId"],
        ).get("Messages"):
            matches = [m["ReceiptHandle"] for m in messages if m["Attributes"]["MessageGroupId"] in groups]
            others += [m["ReceiptHandle"] for m in messages if m["Attributes"]["MessageGroupId"] not in groups]
            if matches:
                entries = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(matches)]
                removed += len(self._queue.call("DeleteMessageBatch", Entries=entries).get("Successful", []))
        for start in range(0, len(others), BATCH_MESSAGES):
            batch = enumerate(others[start : start + BATCH_MESSAGES])
            shown = [{"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0} for number, handle in batch]
            self._queue.call("ChangeMessageVisibilityBatch", Entries=shown)
        return removed


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
