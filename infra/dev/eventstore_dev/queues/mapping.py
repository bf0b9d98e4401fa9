"""An event source mapping at work: it polls its queue, and calls its function with what it finds.

Rules: Lambda Developer Guide, "Using Lambda with Amazon SQS", "Configuring scaling behavior for SQS event source
mappings" and "Handling errors for an SQS event source in Lambda".
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from eventstore_dev.invocation import Invocation, Limits, new_trace_id
from eventstore_dev.queues.batch import events, kept_back, reported
from eventstore_dev.queues.broker import Broker, BrokerError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    from eventstore_dev.invocation import Outcome
    from eventstore_dev.queues.broker import Received
    from eventstore_dev.queues.declared import EventSourceMapping
    from eventstore_dev.terminal import Terminal

    class Target(Protocol):
        """The function that is called."""

        @property
        def size(self) -> int:
            """How many calls may run at once."""
            ...

        async def invoke(self, invocation: Invocation) -> Outcome:
            """Runs one call."""
            ...


# Of one receipt; SQS has no larger one.
_RECEIPT = 10
_WAIT_SECONDS = 20.0


class Poller:
    """Delivers until it is stopped.

    It receives only when a batch can start at once: what waits in the queue meanwhile becomes larger batches, and its
    visibility timeout does not run.
    """

    def __init__(
        self, mapping: EventSourceMapping, *, broker: Broker, target: Target, limits: Limits, terminal: Terminal
    ) -> None:
        self.mapping = mapping
        self._broker = broker
        self._target = target
        self._limits = limits
        self._terminal = terminal
        self._deliveries: set[asyncio.Task[None]] = set()
        self._free = asyncio.Event()
        self._poll = asyncio.create_task(self._run())
        self._poll.add_done_callback(self._ended)

    async def stop(self) -> None:
        """Ends polling, and leaves batches under way; their messages come again elsewhere."""
        tasks = [self._poll, *self._deliveries]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def drain(self) -> None:
        """Ends polling; batches under way end as they would."""
        self._poll.cancel()
        await asyncio.gather(self._poll, *self._deliveries, return_exceptions=True)

    async def _run(self) -> None:
        silenced = False
        while True:
            while len(self._deliveries) >= (self.mapping.concurrency or self._target.size):
                self._free.clear()
                await self._free.wait()
            try:
                batch = await self._gather()
            except BrokerError as error:
                if not silenced:
                    self._terminal.complain(f"{self.mapping.queue} is not polled: {error}; trying on")
                silenced = True
                await asyncio.sleep(self._limits.broker_pause_seconds)
                continue
            silenced = False
            if batch:
                delivery = asyncio.create_task(self._deliver(batch))
                self._deliveries.add(delivery)
                delivery.add_done_callback(self._delivered)

    async def _gather(self) -> Sequence[Received]:
        mapping = self.mapping
        batch = [*await self._broker.receive(mapping.queue, most=min(mapping.batch_size, _RECEIPT), wait=_WAIT_SECONDS)]
        loop = asyncio.get_running_loop()
        deadline = loop.time() + mapping.window
        size = sum(len(message.body) for message in batch)
        while batch and (left := deadline - loop.time()) > 0:
            most = min(mapping.batch_size - len(batch), _RECEIPT)
            if most <= 0 or size >= self._limits.payload:
                break
            more = await self._broker.receive(mapping.queue, most=most, wait=left)
            batch += more
            size += sum(len(message.body) for message in more)
        return batch

    def _delivered(self, delivery: asyncio.Task[None]) -> None:
        self._deliveries.discard(delivery)
        self._free.set()
        self._ended(delivery)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            what = "polling" if task is self._poll else "a batch"
            self._terminal.complain(f"{self.mapping.function}: {what} of {self.mapping.queue} broke off: {error!r}")

    async def _deliver(self, batch: Sequence[Received]) -> None:
        left = list(batch)
        for payload, messages in events(batch, limit=self._limits.payload):
            outcome = await self._target.invoke(Invocation(payload, trace_id=new_trace_id()))
            kept = self._kept(messages, outcome)
            await self._delete([message for message in messages if message.id not in kept])
            left = left[len(messages) :]
            if kept:
                # What was not tried yet stays too: of the same groups it must, and the others lose little.
                await self._return([*(message for message in messages if message.id in kept), *left])
                return

    def _kept(self, messages: Sequence[Received], outcome: Outcome) -> frozenset[str]:
        everything = frozenset(message.id for message in messages)
        name, queue = self.mapping.function, self.mapping.queue
        if outcome.failed:
            self._terminal.complain(f"{name}: a batch of {queue} failed; its {len(messages)} messages come again")
            return everything
        if not self.mapping.partial:
            return frozenset()
        failed = reported(outcome.payload, everything)
        if failed is None:
            self._terminal.complain(
                f"{name}: its answer about a batch of {queue} is not valid; all messages come again"
            )
            return everything
        if not failed:
            return failed
        kept = kept_back(messages, failed) if self.mapping.fifo else failed
        self._terminal.complain(f"{name}: {len(failed)} of {len(messages)} messages of {queue} failed and come again")
        if kept > failed:
            self._terminal.complain(
                f"{name}: it did not report {len(kept - failed)} later messages of a failed one's group. "
                "They are kept here; AWS deletes them, and order is lost"
            )
        return kept

    async def _delete(self, messages: Sequence[Received]) -> None:
        if not messages:
            return
        stayed = await self._broker.delete(self.mapping.queue, [message.handle for message in messages])
        if stayed:
            self._terminal.complain(
                f"{self.mapping.function}: {len(stayed)} messages of {self.mapping.queue} took longer than their "
                "visibility timeout, and come again"
            )

    async def _return(self, messages: Sequence[Received]) -> None:
        seconds = self._limits.redelivery_seconds
        if seconds is not None:
            await self._broker.postpone(self.mapping.queue, [message.handle for message in messages], seconds=seconds)
