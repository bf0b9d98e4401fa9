"""The SQS API over JSON. Calls that move messages are answered here, all others by moto.

Rules: SQS API Reference, "Actions"; SQS Developer Guide, "Making requests using the AWS JSON protocol".
"""

from __future__ import annotations

import json
import time
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any, TypeAlias

from moto.sqs.models import Message

from eventstore_dev.queues.broker import written
from eventstore_dev.queues.refusals import Refusal, invalid, missing
from eventstore_dev.queues.rules import BATCH, check_batch, message_size
from eventstore_dev.queues.store import Store, system_attributes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from eventstore_dev.queues.local_queue import LocalQueue

Parameters: TypeAlias = dict[str, Any]

_LONGEST_WAIT = 20
_BATCH_BYTES = 1_048_576


class SqsApi:
    """Answers with what the API's model has for an action; raises `Refusal` as SQS refuses."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._moves: list[Parameters] = []
        self._actions: Mapping[str, Callable[[Parameters], Parameters]] = {
            "SendMessage": self._send,
            "SendMessageBatch": self._send_batch,
            "DeleteMessage": self._delete,
            "DeleteMessageBatch": self._delete_batch,
            "ChangeMessageVisibility": self._hold,
            "ChangeMessageVisibilityBatch": self._hold_batch,
            "PurgeQueue": self._purge,
            "StartMessageMoveTask": self._move,
            "ListMessageMoveTasks": self._moved,
        }

    def answer(
        self, action: str, body: bytes, *, gone: Callable[[], bool]
    ) -> Parameters | Awaitable[Parameters] | None:
        """The answer, or a promise of it; None if the action is moto's.

        Args:
            action: Its name in the API.
            body: The parameters' JSON.
            gone: Whether the client is: it would keep a message from others for nothing.
        """
        if action == "ReceiveMessage":
            return self._receive(_parsed(body), gone)
        act = self._actions.get(action)
        return None if act is None else act(_parsed(body))

    def _send(self, told: Parameters) -> Parameters:
        return _send(self._queue(told), told)

    def _send_batch(self, told: Parameters) -> Parameters:
        queue, entries = self._queue(told), told.get("Entries") or []
        check_batch("SendMessageBatch", entries)
        size = sum(message_size(str(one.get("MessageBody", "")), _attributes(one)) for one in entries)
        if size > _BATCH_BYTES:
            told_why = f"Batch requests cannot be longer than {_BATCH_BYTES} bytes. You have sent {size} bytes."
            raise Refusal("BatchRequestTooLong", told_why)
        return _each(entries, lambda entry: _send(queue, entry))

    async def _receive(self, told: Parameters, gone: Callable[[], bool]) -> Parameters:
        queue = self._queue(told)
        most = int(told.get("MaxNumberOfMessages", 1))
        if not 1 <= most <= BATCH:
            raise invalid("MaxNumberOfMessages", most, "Must be between 1 and 10, if provided.")
        wait = int(told.get("WaitTimeSeconds", queue.receive_message_wait_time_seconds))
        if not 0 <= wait <= _LONGEST_WAIT:
            raise invalid("WaitTimeSeconds", wait, "Must be >= 0 and <= 20, if provided.")
        visibility = told.get("VisibilityTimeout")
        visibility = None if visibility is None else float(visibility)
        taken = await queue.receive(most, wait=wait, visibility=visibility, gone=gone)
        if not taken:
            return {}
        wanted = {*(told.get("AttributeNames") or ()), *(told.get("MessageSystemAttributeNames") or ())}
        return {"Messages": [_shown(message, wanted, told.get("MessageAttributeNames") or ()) for message in taken]}

    def _delete(self, told: Parameters) -> Parameters:
        self._queue(told).delete(_needed(told, "ReceiptHandle"))
        return {}

    def _delete_batch(self, told: Parameters) -> Parameters:
        queue, entries = self._queue(told), told.get("Entries") or []
        check_batch("DeleteMessageBatch", entries)
        return _each(entries, lambda entry: queue.delete(_needed(entry, "ReceiptHandle")))

    def _hold(self, told: Parameters) -> Parameters:
        _hold(self._queue(told), told)
        return {}

    def _hold_batch(self, told: Parameters) -> Parameters:
        queue, entries = self._queue(told), told.get("Entries") or []
        check_batch("ChangeMessageVisibilityBatch", entries)
        return _each(entries, lambda entry: _hold(queue, entry))

    def _purge(self, told: Parameters) -> Parameters:
        self._queue(told).purge()
        return {}

    def _move(self, told: Parameters) -> Parameters:
        source, target = self._by_arn(_needed(told, "SourceArn")), told.get("DestinationArn")
        if not any(queue.dead_letter_queue is source for queue in self._store.queues.values()):
            raise Refusal("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
        started = int(time.time() * 1000)
        moved = source.redrive(lambda origin: self._by_arn(target or origin))
        task = {
            "Status": "COMPLETED",
            "SourceArn": source.queue_arn,
            **({"DestinationArn": target} if target else {}),
            "ApproximateNumberOfMessagesMoved": moved,
            "ApproximateNumberOfMessagesToMove": moved,
            "StartedTimestamp": started,
        }
        self._moves.insert(0, task)
        return {"TaskHandle": b64encode(json.dumps(task).encode()).decode()}

    def _moved(self, told: Parameters) -> Parameters:
        source = self._by_arn(_needed(told, "SourceArn")).queue_arn
        found = [task for task in self._moves if task["SourceArn"] == source]
        return {"Results": found[: int(told.get("MaxResults", 1))]}

    def _queue(self, told: Parameters) -> LocalQueue:
        return self._store.named(_needed(told, "QueueUrl"))

    def _by_arn(self, arn: str) -> LocalQueue:
        for queue in self._store.queues.values():
            if queue.queue_arn == arn:
                return queue
        told = "The resource that you specified for the SourceArn parameter doesn't exist."
        raise Refusal("ResourceNotFoundException", told)


def _send(queue: LocalQueue, told: Parameters) -> Parameters:
    delay = told.get("DelaySeconds")
    message = queue.send(
        str(told.get("MessageBody") or ""),
        group=told.get("MessageGroupId"),
        deduplication=told.get("MessageDeduplicationId"),
        delay=None if delay is None else int(delay),
        attributes=_attributes(told),
        system_attributes=told.get("MessageSystemAttributes"),
    )
    answer = {"MessageId": message.id, "MD5OfMessageBody": message.body_md5}
    if message.message_attributes:
        answer["MD5OfMessageAttributes"] = message.attribute_md5
    if message.sequence_number is not None:
        answer["SequenceNumber"] = message.sequence_number
    return answer


def _hold(queue: LocalQueue, told: Parameters) -> None:
    queue.hold(_needed(told, "ReceiptHandle"), int(_needed(told, "VisibilityTimeout")))


def _each(entries: list[Parameters], act: Callable[[Parameters], Parameters | None]) -> Parameters:
    """One after the other; a refusal of one is told, and hurts no other."""
    successful: list[Parameters] = []
    failed: list[Parameters] = []
    for entry in entries:
        try:
            successful.append({"Id": entry["Id"], **(act(entry) or {})})
        except Refusal as refusal:
            told = {"Id": entry["Id"], "SenderFault": True, "Code": refusal.code, "Message": refusal.message}
            failed.append(told)
    return {"Successful": successful, **({"Failed": failed} if failed else {})}


def _parsed(body: bytes) -> Parameters:
    try:
        told = json.loads(body or b"{}")
    except ValueError as error:
        raise Refusal("SerializationException", f"The body must be JSON: {error}") from error
    if not isinstance(told, dict):
        raise Refusal("SerializationException", "The body must be a JSON object")
    return told


def _needed(told: Parameters, name: str) -> str:
    if told.get(name) is None:
        raise missing(name)
    return str(told[name])


def _attributes(told: Parameters) -> dict[str, Parameters]:
    found = told.get("MessageAttributes") or {}
    if not any("BinaryValue" in value for value in found.values()):
        return found
    return {
        name: {**value, "BinaryValue": b64decode(value["BinaryValue"])} if "BinaryValue" in value else value
        for name, value in found.items()
    }


def _shown(message: Message, system: set[str], own: Iterable[str]) -> Parameters:
    shown: Parameters = {
        "MessageId": message.id,
        "ReceiptHandle": message.receipt_handle,
        "MD5OfBody": message.body_md5,
        "Body": message.body,
    }
    known = system_attributes(message)
    if told := {name: value for name, value in known.items() if system & {"All", name}}:
        shown["Attributes"] = told
    if asked := {name: value for name, value in message.message_attributes.items() if _is_asked(name, own)}:
        shown["MessageAttributes"] = {name: written(value) for name, value in asked.items()}
        # Of those that are shown: clients check it.
        sample = Message("", "")
        sample.message_attributes = asked
        shown["MD5OfMessageAttributes"] = sample.attribute_md5
    return shown


def _is_asked(name: str, patterns: Iterable[str]) -> bool:
    return any(
        pattern in {"All", ".*", name} or (pattern.endswith(".*") and name.startswith(pattern[:-2]))
        for pattern in patterns
    )
