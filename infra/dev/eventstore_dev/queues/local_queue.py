"""A queue of moto's that keeps SQS's promises to those who send and receive.

moto stores the messages, and knows attributes, tags, policies and counts (`stored_queue.py`). What moto gets wrong is
done here: it forgets a deduplication id as soon as its message is deleted, lets a dead letter that looks like a
duplicate vanish, hands out a later message of a group once an earlier one was received and is visible again, and looks
through the whole queue for each receipt handle.

Rules: SQS Developer Guide, "Exactly-once processing in Amazon SQS", "FIFO queue delivery logic", "Amazon SQS visibility
timeout", "Using dead-letter queues in Amazon SQS"; API Reference, "DeleteMessage" and "ChangeMessageVisibility".
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from itertools import count
from typing import TYPE_CHECKING, Any

from moto.sqs.models import Message

from eventstore_dev.queues.bell import Bell
from eventstore_dev.queues.deduplication import RecentlySent
from eventstore_dev.queues.lanes import Lanes
from eventstore_dev.queues.refusals import Refusal, invalid
from eventstore_dev.queues.rules import MAX_VISIBILITY, check_ids, check_message
from eventstore_dev.queues.stored_queue import StoredQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_NO_DEDUPLICATION = (
    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
)
_DEAD_LETTER_SOURCE = "DeadLetterQueueSourceArn"
# Numbers of twenty digits, as on AWS; one row for all queues, so that a dead letter's comes after its predecessors'.
_SEQUENCE = count(18_850_000_000_000_000_001)


class LocalQueue(StoredQueue):
    """A queue for use from one event loop."""

    def __init__(
        self, name: str, *, others: Mapping[str, LocalQueue], clock: Callable[[], float] = time.time, **attributes: str
    ) -> None:
        self._clock = clock
        self._lanes: Lanes[Message] = Lanes()
        self._sent: RecentlySent[Message] = RecentlySent()
        self._bell = Bell(self._ring)
        super().__init__(name, others=others, **attributes)

    def send(
        self,
        body: str,
        *,
        group: str | None = None,
        deduplication: str | None = None,
        delay: int | None = None,
        attributes: Mapping[str, dict[str, Any]] | None = None,
        system_attributes: Mapping[str, Any] | None = None,
    ) -> Message:
        """Takes a message in, or none if it is a duplicate: then the first one is returned.

        Raises:
            Refusal: SQS would not take it.
        """
        check_message(body, attributes or {}, limit=self.maximum_message_size)
        check_ids(group=group, deduplication=deduplication, delay=delay, fifo=self.fifo_queue)
        now = self._now()
        key = None
        if self.fifo_queue:
            deduplication = deduplication or self._hash(body)
            key = (group or "" if self.deduplication_scope == "messageGroup" else "", deduplication)
            if (first := self._sent.find(key, now=now)) is not None:
                return first
        message = Message(str(uuid.uuid4()), body, dict(system_attributes or {}))
        message.message_attributes = dict(attributes or {})
        message.group_id, message.deduplication_id = group, deduplication
        message.sent_timestamp = int(now)  # type: ignore[assignment] # moto declares it as None
        message.delayed_until = now + 1000 * (self.delay_seconds if delay is None else delay)
        if key is not None:
            self._sent.add(key, message, now=now)
        self._admit(message, now)
        return message

    def take(self, most: int, *, visibility: float | None = None) -> list[Message]:
        """Receives what may be received now; what was received too often goes to the dead letters instead."""
        now = self._now()
        self._lanes.settle(now)
        dead: list[Message] = []
        most_receipts = (
            self.redrive_policy["maxReceiveCount"] if self.dead_letter_queue and self.redrive_policy else None
        )
        oldest = now - 1000 * self.message_retention_period

        def keep(message: Message) -> bool:
            if float(message.sent_timestamp or 0) <= oldest:  # type: ignore[redundant-expr] # as above
                del self._held[message.id]
                return False
            if most_receipts is not None and message.approximate_receive_count >= most_receipts:
                del self._held[message.id]
                dead.append(message)
                return False
            return True

        taken = self._lanes.take(most, now=now, keep=keep)
        until = now + 1000 * (self.visibility_timeout if visibility is None else visibility)
        for message in taken:
            message.approximate_receive_count += 1
            message.approximate_first_receive_timestamp = message.approximate_first_receive_timestamp or int(now)
            message.receipt_handle = self._handle(message)
            self._lanes.hold(message, until, now=now)
        self._arm()
        if dead:
            self._bury(dead)
        return taken

    async def receive(
        self, most: int, *, wait: float, visibility: float | None = None, gone: Callable[[], bool] = lambda: False
    ) -> list[Message]:
        """Receives; waits for the first message until then.

        Args:
            most: At most so many.
            wait: Seconds.
            visibility: Seconds; the queue's own, if None.
            gone: Whether nobody is there any more to receive; then nothing is.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait
        while not gone():
            taken = self.take(most, visibility=visibility)
            if taken or loop.time() >= deadline:
                return taken
            await self._bell.wait(deadline)
        return []

    def delete(self, handle: str) -> None:
        """Ends a message; a handle of an earlier receipt ends nothing.

        Raises:
            Refusal: The handle is none of this queue's, or, as FIFO queues have it, is no longer valid.
        """
        message = self._by_handle(handle)
        if message is None:
            return
        now = self._now()
        self._lanes.settle(now)
        current = message.receipt_handle == handle
        if self.fifo_queue and not (current and self._lanes.is_out(message)):
            raise invalid("ReceiptHandle", handle, "The receipt handle has expired.")
        if current:
            del self._held[message.id]
            self._lanes.remove(self._lane(message), message, now=now)
            self._wake()

    def hold(self, handle: str, seconds: float) -> None:
        """Changes until when a message is kept from others; 0 makes it visible at once.

        Raises:
            Refusal: The message is not in flight, at least not by this handle, or the time is too long.
        """
        if not 0 <= seconds <= MAX_VISIBILITY:
            raise invalid("VisibilityTimeout", seconds, f"Must be between 0 and {MAX_VISIBILITY}.")
        message = self._by_handle(handle)
        now = self._now()
        self._lanes.settle(now)
        if message is None or message.receipt_handle != handle or not self._lanes.is_out(message):
            told = "Message does not exist or is not available for visibility timeout change."
            if message is not None and self._lanes.is_out(message):
                raise invalid("ReceiptHandle", handle, told)
            raise Refusal(
                "MessageNotInflight", f"Value {handle} for parameter ReceiptHandle is invalid. Reason: {told}"
            )
        self._lanes.hold(message, now + 1000 * seconds, now=now)
        self._arm()
        self._wake()

    def purge(self) -> None:
        """Ends all messages. Deduplication ids stay known."""
        self._held.clear()
        self._lanes = Lanes()

    def redrive(self, target_of: Callable[[str], LocalQueue]) -> int:
        """Moves all messages that are not in flight to where they came from, or where they are to go; returns how many.

        Args:
            target_of: The queue for the ARN of the one that a message came from.
        """
        moved = [message for message in self._held.values() if not self._lanes.is_out(message)]
        now = self._now()
        for message in moved:
            del self._held[message.id]
            self._lanes.remove(self._lane(message), message, now=now)
            source = message.system_attributes.pop(_DEAD_LETTER_SOURCE, {"StringValue": ""})["StringValue"]
            target_of(source)._begin_again(message)  # noqa: SLF001 - another one of this class
        return len(moved)

    def stop(self) -> None:
        """Rings no more."""
        self._bell.stop()

    def _hash(self, body: str) -> str:
        if not self.content_based_deduplication:
            raise Refusal("InvalidParameterValue", _NO_DEDUPLICATION)
        return hashlib.sha256(body.encode()).hexdigest()

    def _admit(self, message: Message, now: float) -> None:
        if self.fifo_queue:
            message.sequence_number = str(next(_SEQUENCE))
        self._held[message.id] = message
        self._lanes.add(self._lane(message), message, now=now)
        self._arm()
        self._wake()

    def _bury(self, dead: Iterable[Message]) -> None:
        graveyard = self.dead_letter_queue
        assert isinstance(graveyard, LocalQueue)  # noqa: S101 - all queues of the store are
        for message in dead:
            message.system_attributes[_DEAD_LETTER_SOURCE] = {"DataType": "String", "StringValue": self.queue_arn}
            graveyard._begin_again(message)  # noqa: SLF001 - another one of this class

    def _begin_again(self, message: Message) -> None:
        # Not sent: a queue takes it though it may know its deduplication id.
        now = self._now()
        message.approximate_receive_count = 0
        message.approximate_first_receive_timestamp = None
        message.receipt_handle = None
        message.visible_at = message.delayed_until = 0.0
        if self.fifo_queue:
            message.sent_timestamp = int(now)  # type: ignore[assignment] # moto declares it as None
        self._admit(message, now)

    def _lane(self, message: Message) -> str:
        # Groups of a standard queue are for fairness, and keep no order.
        return message.group_id or "" if self.fifo_queue else message.id

    def _handle(self, message: Message) -> str:
        told = json.dumps([self.name, message.id, message.approximate_receive_count, uuid.uuid4().hex])
        return urlsafe_b64encode(told.encode()).decode()

    def _by_handle(self, handle: str) -> Message | None:
        try:
            queue, message_id, _, _ = json.loads(urlsafe_b64decode(handle))
        except ValueError:
            queue, message_id = None, ""
        if queue != self.name:
            raise Refusal(
                "ReceiptHandleIsInvalid", f'The input receipt handle "{handle}" is not a valid receipt handle.'
            )
        return self._held.get(message_id)

    def _now(self) -> float:
        return self._clock() * 1000

    def _arm(self) -> None:
        if (at := self._lanes.next_alarm) is not None:
            self._bell.ring_after((at - self._now()) / 1000)

    def _ring(self) -> None:
        self._lanes.settle(self._now())
        self._arm()
        self._wake()

    def _wake(self) -> None:
        if self._lanes.any_open:
            self._bell.wake()
