"""Pushing events to SQS queues."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from eventstore.adapters.aws.batched_calls import BatchedCalls, EntryFailure
from eventstore.adapters.aws.pushed_ids import deduplication_id, group_id
from eventstore.frames.frame import escape_for_sqs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore.adapters.aws.json_calls import JsonCalls
    from eventstore.frames.pushes import PushedEvent
    from eventstore.ports import Refusal
    from eventstore.subscriptions import Target

__all__ = ["SqsTarget"]

_ATTRIBUTES = {"content-type": {"DataType": "String", "StringValue": "application/cloudevents+json"}}
_ATTRIBUTES_BYTES = 64
"""Names, types and values of attributes count like bodies."""

_ACTION = "sqs:SendMessage"

_IN_VAIN = ("InvalidMessageContents", "InvalidParameterValue")
"""The message has a character that SQS does not accept, or is longer than the queue accepts."""


class SqsTarget:
    """See `ports.TargetAdapter`. A stream is a message group of a FIFO queue; a standard queue has no groups.

    Args:
        calls: Calls SQS.
        monotonic: Returns seconds that never go back.
    """

    def __init__(self, calls: JsonCalls, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._calls = calls
        self._monotonic = monotonic

    def push(
        self,
        target: Target,
        events: Sequence[PushedEvent],
        *,
        attempt: int,  # noqa: ARG002 - a message is the same at each attempt
        timeout_ms: int,
    ) -> Mapping[int, Refusal]:
        """See `TargetAdapter.push`."""
        is_fifo = target.address.endswith(".fifo")
        entries = [_entry(index, event, is_fifo=is_fifo) for index, event in enumerate(events)]
        sizes = [len(entry["MessageBody"].encode()) + _ATTRIBUTES_BYTES for entry in entries]

        def call(seconds: float, batch: Sequence[int]) -> Mapping[int, EntryFailure]:
            sent = [entries[index] for index in batch]
            answer = self._calls.call("SendMessageBatch", seconds=seconds, QueueUrl=target.address, Entries=sent)
            return {int(failed["Id"]): _failure(failed) for failed in answer.get("Failed", ())}

        calls = BatchedCalls(
            target,
            events,
            sizes,
            action=_ACTION,
            is_ordered=is_fifo,
            timeout_ms=timeout_ms,
            monotonic=self._monotonic,
        )
        return calls.send(call)


def _entry(index: int, event: PushedEvent, *, is_fifo: bool) -> dict[str, Any]:
    entry = {"Id": str(index), "MessageBody": escape_for_sqs(event.text), "MessageAttributes": _ATTRIBUTES}
    if is_fifo:
        entry |= {"MessageGroupId": group_id(event), "MessageDeduplicationId": deduplication_id(event)}
    return entry


def _failure(failed: Mapping[str, Any]) -> EntryFailure:
    code = str(failed["Code"]).rpartition(".")[2]
    park = bool(failed.get("SenderFault")) and code in _IN_VAIN
    return EntryFailure(code, str(failed.get("Message", "")), park=park)
