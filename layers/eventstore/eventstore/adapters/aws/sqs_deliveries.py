"""Deliveries as messages of an SQS FIFO queue."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from eventstore.adapters.aws.sqs_queue import BATCH_BYTES, BATCH_MESSAGES, Message, SqsQueue
from eventstore.errors import QueueUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from eventstore.adapters.aws.json_calls import JsonCalls
    from eventstore.frames.frame import Delivery

__all__ = ["SqsDeliveries"]

_MAX_REFUSALS = 3
_CALLS_AT_ONCE = 8


class SqsDeliveries:
    """See `ports.Deliveries`. A shard is one message group.

    Args:
        sqs: Calls SQS.
        queue_url: The FIFO queue of deliveries.
        new_id: Draws a deduplication id.
    """

    def __init__(self, sqs: JsonCalls, queue_url: str, *, new_id: Callable[[], str]) -> None:
        self._queue = SqsQueue(sqs, queue_url, name="the queue of deliveries")
        self._new_id = new_id
        # Threads start when there is work for them.
        self._threads = ThreadPoolExecutor(_CALLS_AT_ONCE)

    def send(self, deliveries: Sequence[Delivery]) -> None:
        """See `Deliveries.send`."""
        waiting: dict[int, deque[str]] = {}
        for delivery in deliveries:
            waiting.setdefault(delivery.shard, deque()).append(delivery.encoded())
        refusals = 0
        while waiting:
            sent = {shard: texts[0] for shard, texts in waiting.items()}
            refused = self._send_side_by_side(list(_batches(sent)))
            for shard in sent.keys() - refused:
                waiting[shard].popleft()
                if not waiting[shard]:
                    del waiting[shard]
            refusals += len(refused)
            if refusals > _MAX_REFUSALS:
                raise QueueUnavailable(
                    f"the queue of deliveries refused more than {_MAX_REFUSALS} messages; the turn will be retried"
                )

    def _send_side_by_side(self, batches: Sequence[Mapping[int, str]]) -> set[int]:
        """Send batches, none of which has a shard of another, and return the shards whose message SQS refused."""
        if len(batches) == 1:
            return self._send_batch(batches[0])
        futures = [self._threads.submit(self._send_batch, batch) for batch in batches]
        # All of them, also if one fails: a call must not go on while the turn is retried.
        wait(futures)
        return set().union(*(future.result() for future in futures))

    def _send_batch(self, batch: Mapping[int, str]) -> set[int]:
        """Send a delivery of each of some shards, and return the shards whose message SQS refused.

        A batch has one delivery per shard: SQS may accept a part of it, and later deliveries must not overtake.
        """
        # Equal deliveries are separate messages, so each has an id of its own.
        messages = {shard: Message(f"s{shard}", text, self._new_id()) for shard, text in batch.items()}
        return set(self._queue.send(messages))


def _batches(texts: Mapping[int, str]) -> Iterator[dict[int, str]]:
    """Divide the deliveries of shards into batches that each fit into one call."""
    batch: dict[int, str] = {}
    size = 0
    for shard, text in texts.items():
        length = len(text.encode())
        if batch and (len(batch) == BATCH_MESSAGES or size + length > BATCH_BYTES):
            yield batch
            batch, size = {}, 0
        batch[shard] = text
        size += length
    if batch:
        yield batch
