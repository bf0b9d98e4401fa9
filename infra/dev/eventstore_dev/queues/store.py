"""All queues of a stack, in its own process, and moto's answers about them.

A store of its own for each stack: moto's own one is of the whole process.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from moto.core.request import Request
from moto.sqs.exceptions import QueueAlreadyExists
from moto.sqs.models import SQSBackend
from moto.sqs.responses import SQSResponse

from eventstore_dev.aws_names import ACCOUNT, QUEUE, REGION, arn
from eventstore_dev.queues.broker import BrokerError, Received
from eventstore_dev.queues.local_queue import LocalQueue
from eventstore_dev.queues.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from moto.sqs.models import Message

    from eventstore_dev.queues.declared import Queue

_SYSTEM_ATTRIBUTES = ("AWSTraceHeader", "DeadLetterQueueSourceArn")


class Store(SQSBackend):
    """moto's backend over queues that keep SQS's promises; also the broker of local mappings."""

    queues: dict[str, LocalQueue]  # type: ignore[assignment] # all of them are

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(REGION, ACCOUNT)
        self._clock = clock

    def declare(self, queues: Iterable[Queue]) -> None:
        """Creates queues that are not there, and gives those that are the attributes that they are to have."""
        declared = list(queues)
        for queue in declared:
            if queue.name not in self.queues:
                self.create_queue(queue.name, None, **dict(queue.attributes))
            else:
                self.set_queue_attributes(queue.name, dict(queue.attributes))
        arn_of = {queue.name: arn(QUEUE, queue.name) for queue in declared}
        for queue in declared:
            policy = "" if queue.dead_letters is None else queue.redrive_policy(arn_of)
            self.set_queue_attributes(queue.name, {"RedrivePolicy": policy})

    def create_queue(self, name: str, tags: dict[str, str] | None = None, **attributes: str) -> LocalQueue:
        """Creates a queue, or finds one that has these attributes."""
        found = LocalQueue(name, others=self.queues, clock=self._clock, **attributes)
        before = self.queues.setdefault(name, found)
        if any(before.attributes.get(key) != found.attributes.get(key) for key in attributes):
            raise QueueAlreadyExists("A queue already exists with the same name and a different value for an attribute")
        before.tags.update(tags or {})
        return before

    def named(self, url: str) -> LocalQueue:
        """The queue that a URL leads to.

        Raises:
            Refusal: There is none.
        """
        queue = self.queues.get(url.rpartition("/")[2])
        if queue is None:
            raise Refusal("QueueDoesNotExist", "The specified queue does not exist.")
        return queue

    def ask(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Mapping[str, str], str]:
        """Asks moto; returns status, headers and body.

        Raises:
            Refusal: moto does not know the action.
        """
        request = Request.from_primitives("POST", url, headers, body)
        try:
            status, answered, text = _Responses(self)._dispatch(request)  # noqa: SLF001 - what moto's dispatch calls
        except NotImplementedError as error:
            raise Refusal("UnsupportedOperation", str(error)) from error
        return status, answered, text if isinstance(text, str) else text.decode()

    async def receive(self, queue: str, *, most: int, wait: float) -> Sequence[Received]:
        """Takes what may be delivered now (`Broker`)."""
        found = self._of_a_mapping(queue)
        return [_received(message, found.queue_arn) for message in await found.receive(most, wait=wait)]

    async def delete(self, queue: str, handles: Sequence[str]) -> Sequence[str]:
        """Ends messages (`Broker`)."""
        found, kept = self._of_a_mapping(queue), []
        for handle in handles:
            try:
                found.delete(handle)
            except Refusal:
                kept.append(handle)
        return kept

    async def postpone(self, queue: str, handles: Sequence[str], *, seconds: float) -> None:
        """Makes messages visible again after so long (`Broker`)."""
        found = self._of_a_mapping(queue)
        for handle in handles:
            try:
                found.hold(handle, seconds)
            except Refusal:
                continue

    def _of_a_mapping(self, name: str) -> LocalQueue:
        try:
            return self.named(name)
        except Refusal as refusal:
            raise BrokerError(refusal.message) from refusal

    def stop(self) -> None:
        """Lets no queue ring any more."""
        for queue in self.queues.values():
            queue.stop()


class _Responses(SQSResponse):
    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    @property
    def sqs_backend(self) -> Store:
        return self._store


def system_attributes(message: Message) -> dict[str, str]:
    """What SQS knows of a message in flight."""
    known = {
        "SenderId": message.sender_id,
        "SentTimestamp": message.sent_timestamp,
        "ApproximateReceiveCount": message.approximate_receive_count,
        "ApproximateFirstReceiveTimestamp": message.approximate_first_receive_timestamp,
        "MessageGroupId": message.group_id,
        "MessageDeduplicationId": message.deduplication_id,
        "SequenceNumber": message.sequence_number,
        **{name: message.system_attributes.get(name, {}).get("StringValue") for name in _SYSTEM_ATTRIBUTES},
    }
    return {name: str(value) for name, value in known.items() if value is not None}


def _received(message: Message, source: str) -> Received:
    return Received(
        id=message.id,
        handle=message.receipt_handle or "",
        body=message.body,
        md5=message.body_md5,
        attributes=system_attributes(message),
        message_attributes=message.message_attributes,
        source=source,
    )
